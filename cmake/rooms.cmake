# room(NAME ROOMS rooms... USES libraries...): the static library of src/NAME, and, from its
# *_test.cc files, the test program NAME_test. Headers that only tests use (*_conformance.h) live
# beside what they test.
function(room NAME)
  cmake_parse_arguments(ROOM "" "" "ROOMS;USES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${NAME}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz|/main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(TRANSFORM ROOM_ROOMS PREPEND busker_)
  add_library(busker_${NAME} STATIC ${sources})
  target_include_directories(busker_${NAME} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(busker_${NAME} PUBLIC ${ROOM_ROOMS} ${ROOM_USES})
  # DuckDB's library is not built for the thread sanitizer, which then sees races where there are none.
  # The runner has one thread, and shares its memory with a vfork's child, of which that sanitizer
  # makes a fork.
  if(NAME MATCHES "^(deliver|runner)$" AND BUSKER_SANITIZE MATCHES "thread")
    return()
  endif()
  if(tests)
    add_executable(${NAME}_test ${tests})
    target_link_libraries(${NAME}_test PRIVATE busker_${NAME} GTest::gtest GTest::gtest_main)
    # The tests' own code: what it takes to run is nothing beside what it takes to optimise.
    target_compile_options(${NAME}_test PRIVATE -O0 -U_FORTIFY_SOURCE)
    include(GoogleTest)
    gtest_discover_tests(${NAME}_test DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 300)
  endif()
endfunction()
