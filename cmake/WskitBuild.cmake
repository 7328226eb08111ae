# How every target of the project is compiled, and the two shapes a target has:
# a static library (with everything but main) and a short binary around it.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_library(wskit_options INTERFACE)
target_compile_options(wskit_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Wold-style-cast -Woverloaded-virtual -Wnull-dereference -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 sees null dereferences inside inlined standard headers that are not there.
  target_compile_options(wskit_options INTERFACE -Wno-null-dereference)
  # Where several sources are compiled as one, it takes each for a header: an unnamed
  # namespace seems to be included, and a local variable to hide another source's name.
  if(CMAKE_UNITY_BUILD)
    target_compile_options(wskit_options INTERFACE -Wno-subobject-linkage -Wno-shadow)
  endif()
endif()
target_include_directories(wskit_options INTERFACE ${PROJECT_SOURCE_DIR}/lib ${PROJECT_SOURCE_DIR}/tools
                           ${PROJECT_BINARY_DIR}/generated)

if(WSKIT_SANITIZE)
  add_compile_options(-fsanitize=${WSKIT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${WSKIT_SANITIZE})
endif()
if(WSKIT_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "WSKIT_FUZZ needs clang: configure with the preset 'fuzz'")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# wskit_library(NAME SOURCES a.cc … LINK lib …): a static library of the project.
function(wskit_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_LINK} PRIVATE wskit_options)
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/lib ${PROJECT_SOURCE_DIR}/tools)
endfunction()

# All the installed binaries.
add_custom_target(wskit_tools)

# wskit_tool(NAME LINK lib …): an installed binary made of main.cc and libraries.
function(wskit_tool name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} main.cc)
  target_link_libraries(${name} PRIVATE ${ARG_LINK} wskit_options)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  add_dependencies(wskit_tools ${name})
  install(TARGETS ${name} RUNTIME)
endfunction()
