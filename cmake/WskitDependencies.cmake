# Every library that is not ours. scripts/deps.sh installs the Debian packages.

find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(simdjson REQUIRED)
find_package(SQLite3 3.38 REQUIRED)

# Its own package file asks for the web server and curl that only its other libraries need.
find_path(WSKIT_PROMETHEUS_INCLUDE prometheus/text_serializer.h REQUIRED)
find_library(WSKIT_PROMETHEUS_CORE prometheus-cpp-core REQUIRED)
add_library(wskit_prometheus INTERFACE)
target_include_directories(wskit_prometheus SYSTEM INTERFACE ${WSKIT_PROMETHEUS_INCLUDE})
target_link_libraries(wskit_prometheus INTERFACE ${WSKIT_PROMETHEUS_CORE})

# Compiled into what uses it, so that its header is all.
find_path(WSKIT_XXHASH_INCLUDE xxhash.h REQUIRED)
add_library(wskit_xxhash INTERFACE)
target_include_directories(wskit_xxhash SYSTEM INTERFACE ${WSKIT_XXHASH_INCLUDE})

# libjwt comes without a CMake package.
find_path(JWT_INCLUDE_DIR jwt.h REQUIRED)
find_library(JWT_LIBRARY jwt REQUIRED)
add_library(wskit_jwt INTERFACE)
target_include_directories(wskit_jwt SYSTEM INTERFACE ${JWT_INCLUDE_DIR})
target_link_libraries(wskit_jwt INTERFACE ${JWT_LIBRARY})

# libcbor comes without a CMake package.
find_path(WSKIT_CBOR_INCLUDE cbor.h REQUIRED)
find_library(WSKIT_CBOR_LIBRARY cbor REQUIRED)
add_library(wskit_cbor_library INTERFACE)
target_include_directories(wskit_cbor_library SYSTEM INTERFACE ${WSKIT_CBOR_INCLUDE})
target_link_libraries(wskit_cbor_library INTERFACE ${WSKIT_CBOR_LIBRARY})

# Asio and Beast are compiled once, in lib/common/net/boost_impl.cc.
add_library(wskit_boost INTERFACE)
target_link_libraries(wskit_boost INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(wskit_boost INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
if(WSKIT_SANITIZE MATCHES "thread")
  # ThreadSanitizer does not see fences, and GCC refuses them; Asio's own locks order the same.
  target_compile_definitions(wskit_boost INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
endif()
