# Run by `cmake --install` and by CPack, where the prefix is known at last: what depends on
# it, and the documents with no link to what is not installed.
#
# SOURCE_DIR, DOCDIR and SYSCONFDIR (as GNUInstallDirs has them) are set by WskitInstall.cmake.
cmake_policy(VERSION 3.25)


function(absolute out dir)
  if(IS_ABSOLUTE "${dir}")
    set(${out} "${dir}" PARENT_SCOPE)
  else()
    set(${out} "${CMAKE_INSTALL_PREFIX}/${dir}" PARENT_SCOPE)
  endif()
endfunction()

absolute(docdir "${DOCDIR}")
# As GNUInstallDirs has it: what belongs to /usr has its configuration in /etc.
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(sysconfdir "/etc")
else()
  absolute(sysconfdir "${SYSCONFDIR}")
endif()
absolute(bindir "${BINDIR}")

# --- The service -------------------------------------------------------------

file(READ "${SOURCE_DIR}/packaging/wsserve.service" unit)
string(REPLACE "@BINDIR@" "${bindir}" unit "${unit}")
string(REPLACE "@SYSCONFDIR@" "${sysconfdir}" unit "${unit}")
file(WRITE "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/lib/systemd/system/wsserve.service" "${unit}")

# What somebody has changed stays.
set(configuration "$ENV{DESTDIR}${sysconfdir}/wskit/wsserve.toml")
if(NOT EXISTS "${configuration}")
  file(READ "${SOURCE_DIR}/packaging/wsserve.toml" text)
  file(WRITE "${configuration}" "${text}")
endif()

# --- The documents -----------------------------------------------------------

# Writes a document of the tree to its place. A link to what is not installed (sources, tests)
# becomes its text.
function(install_document path)
  file(READ "${SOURCE_DIR}/${path}" rest)
  cmake_path(GET path PARENT_PATH folder)
  set(text "")
  while(rest MATCHES "\\[([^][]*)\\]\\(([^() ]+)\\)")
    set(link "${CMAKE_MATCH_0}")
    set(words "${CMAKE_MATCH_1}")
    set(target "${CMAKE_MATCH_2}")
    string(FIND "${rest}" "${link}" at)
    string(SUBSTRING "${rest}" 0 ${at} before)
    string(LENGTH "${link}" length)
    math(EXPR after "${at} + ${length}")
    string(SUBSTRING "${rest}" ${after} -1 rest)
    string(REGEX REPLACE "#.*" "" file "${target}")
    set(keep TRUE)
    if(NOT file STREQUAL "" AND NOT file MATCHES "^[a-z]+:")
      cmake_path(SET there NORMALIZE "${folder}/${file}")
      string(REGEX REPLACE "^/" "" there "${there}")
      if(NOT there MATCHES "^(docs/[^/]+\\.md|README\\.md|LICENSE|CHANGELOG\\.md|examples(/.*)?)$")
        set(keep FALSE)
      endif()
    endif()
    if(keep)
      string(APPEND text "${before}${link}")
    else()
      string(APPEND text "${before}${words}")
    endif()
  endwhile()
  file(WRITE "$ENV{DESTDIR}${docdir}/${path}" "${text}${rest}")
endfunction()

file(GLOB documents RELATIVE "${SOURCE_DIR}" "${SOURCE_DIR}/docs/*.md" "${SOURCE_DIR}/*.md"
     "${SOURCE_DIR}/examples/*.md" "${SOURCE_DIR}/examples/*/*.md")
foreach(path IN LISTS documents)
  install_document("${path}")
endforeach()
