# Run by CPack on the tree that becomes the Debian package: manuals and the changelog are
# compressed, the licence stands where Debian looks for it.
cmake_policy(VERSION 3.25)

file(GLOB_RECURSE manuals "${CPACK_TEMPORARY_DIRECTORY}/usr/share/man/*")
list(FILTER manuals EXCLUDE REGEX "\\.gz$")
set(documents "${CPACK_TEMPORARY_DIRECTORY}/usr/share/doc/wskit")
file(COPY_FILE "${documents}/LICENSE" "${documents}/copyright")
file(COPY_FILE "${documents}/CHANGELOG.md" "${documents}/changelog")
foreach(file IN LISTS manuals ITEMS "${documents}/changelog")
  execute_process(COMMAND gzip -9n "${file}" COMMAND_ERROR_IS_FATAL ANY)
endforeach()
