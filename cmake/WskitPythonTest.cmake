# Tests in Python: they drive the real binaries from outside.

# Debian's own python3 before any other, for it is the one whose modules scripts/deps.sh installs.
find_program(WSKIT_PYTHON python3 HINTS /usr/bin NO_CMAKE_ENVIRONMENT_PATH REQUIRED)
execute_process(COMMAND ${WSKIT_PYTHON} -c "import pytest" RESULT_VARIABLE wskit_no_pytest ERROR_QUIET)
if(wskit_no_pytest)
  message(FATAL_ERROR "${WSKIT_PYTHON} has no pytest, which the end-to-end tests need: "
                      "run scripts/deps.sh --tests, or configure with -DWSKIT_TESTS=OFF")
endif()

# A sanitizer slows the binaries down, so the deadlines grow with it.
set(WSKIT_SLOW 1)
if(WSKIT_SANITIZE MATCHES "thread")
  set(WSKIT_SLOW 5)
elseif(WSKIT_SANITIZE)
  set(WSKIT_SLOW 3)
endif()
math(EXPR WSKIT_E2E_TIMEOUT "300 * ${WSKIT_SLOW}")

# wskit_python_test(PREFIX AREA/NAME LABELS label …): AREA/test_NAME.py is one of ctest's tests.
function(wskit_python_test prefix test)
  cmake_parse_arguments(ARG "" "" "LABELS;ENVIRONMENT" ${ARGN})
  string(REGEX REPLACE "([^/]+)$" "test_\\1.py" file ${test})
  string(REPLACE "/" "." name ${prefix}/${test})
  add_test(NAME ${name} COMMAND ${WSKIT_PYTHON} -B -m pytest -q ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  set_tests_properties(${name} PROPERTIES
    LABELS "${ARG_LABELS}"
    ENVIRONMENT "WSKIT_BIN=${PROJECT_BINARY_DIR}/bin;WSKIT_SLOW=${WSKIT_SLOW};WSKIT_SANITIZE=${WSKIT_SANITIZE};${ARG_ENVIRONMENT}"
    SKIP_RETURN_CODE 77
    TIMEOUT ${WSKIT_E2E_TIMEOUT})
endfunction()
