# Build vocabulary of the tree: mh_module, mh_program, mh_test, mh_helper,
# mh_tool, mh_fuzz.
#
# The DEPS list of a module is its include rule: tools/check_includes.py reads
# it and fails the lint test when a file includes a folder that is not in it.

option(MH_WERROR "Treat warnings as errors" OFF)
option(MH_SANITIZE "Build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(MH_TSAN "Build with ThreadSanitizer, for the programs with threads" OFF)
option(MH_LIBFUZZER "Link the fuzz harnesses with libFuzzer (clang only)" OFF)
option(MH_HARDEN "Build with the hardening flags of a release" OFF)

find_package(PkgConfig REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
pkg_check_modules(YARA REQUIRED IMPORTED_TARGET "yara>=4.2.3")
pkg_check_modules(ARCHIVE REQUIRED IMPORTED_TARGET "libarchive>=3.6")
pkg_check_modules(EVENT REQUIRED IMPORTED_TARGET "libevent_core>=2.1.12")
pkg_check_modules(EVENT_EXTRA REQUIRED IMPORTED_TARGET "libevent_extra>=2.1.12")
pkg_check_modules(EVENT_OPENSSL REQUIRED IMPORTED_TARGET "libevent_openssl>=2.1.12")
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET "jansson>=2.13")
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET "libpcre2-8>=10.39")
pkg_check_modules(EXPAT REQUIRED IMPORTED_TARGET "expat>=2.4.7")
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET "yaml-0.1>=0.2")
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET "sqlite3>=3.37")
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET "libseccomp>=2.5")
pkg_check_modules(CAPNG REQUIRED IMPORTED_TARGET "libcap-ng>=0.8")

# Assertions are part of the product (docs/STYLE.md): CMake's release types add
# -DNDEBUG, which is taken out again here.
foreach(type RELEASE RELWITHDEBINFO MINSIZEREL)
	string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${type} "${CMAKE_C_FLAGS_${type}}")
endforeach()

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(MH_LIBEXECDIR "${CMAKE_INSTALL_FULL_LIBEXECDIR}/molehunt")
set(MH_PACKDIR "${CMAKE_INSTALL_FULL_DATADIR}/molehunt/packs")
# From one installed folder to another, so that a staged or moved installation works.
file(RELATIVE_PATH MH_LIBEXEC_FROM_BIN "${CMAKE_INSTALL_FULL_BINDIR}" "${MH_LIBEXECDIR}")
file(RELATIVE_PATH MH_PACKS_FROM_LIBEXEC "${MH_LIBEXECDIR}" "${MH_PACKDIR}")

configure_file("${PROJECT_SOURCE_DIR}/cmake/build_info.h.in"
	"${PROJECT_BINARY_DIR}/generated/build_info.h" @ONLY)

add_library(mh_flags INTERFACE)
target_compile_features(mh_flags INTERFACE c_std_17)
target_compile_definitions(mh_flags INTERFACE _GNU_SOURCE)
target_include_directories(mh_flags INTERFACE
	"${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}/generated")
target_compile_options(mh_flags INTERFACE
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
	-Wold-style-definition -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Wundef
	-Wswitch-enum -Wimplicit-fallthrough -fno-common -fstack-protector-strong
	$<$<BOOL:${MH_WERROR}>:-Werror>)
if(MH_SANITIZE)
	target_compile_options(mh_flags INTERFACE -fsanitize=address,undefined
		-fno-sanitize-recover=all -fno-omit-frame-pointer)
	target_compile_definitions(mh_flags INTERFACE MH_SANITIZE=1)
	target_link_options(mh_flags INTERFACE -fsanitize=address,undefined)
endif()
if(MH_TSAN)
	target_compile_options(mh_flags INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
	target_compile_definitions(mh_flags INTERFACE MH_SANITIZE=1)
	target_link_options(mh_flags INTERFACE -fsanitize=thread)
endif()
if(MH_LIBFUZZER)
	target_compile_options(mh_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(MH_HARDEN)
	target_compile_options(mh_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
		-fstack-clash-protection $<$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},x86_64>:-fcf-protection>)
	target_link_options(mh_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

# mh_module(name SOURCES file... DEPS folder... LIBS target...)
# One static library "mh_<name>"; DEPS are the mh_modules it may include.
function(mh_module name)
	cmake_parse_arguments(A "" "" "SOURCES;DEPS;LIBS" ${ARGN})
	add_library(mh_${name} STATIC ${A_SOURCES})
	list(TRANSFORM A_DEPS PREPEND mh_)
	target_link_libraries(mh_${name} PUBLIC mh_flags ${A_DEPS} ${A_LIBS})
endfunction()

# mh_program(name SOURCES file... DEPS folder... LIBS target...
#            DESTINATION bin|libexec|sbin COMPONENT component)
function(mh_program name)
	cmake_parse_arguments(A "" "DESTINATION;COMPONENT" "SOURCES;DEPS;LIBS" ${ARGN})
	add_executable(${name} ${A_SOURCES})
	list(TRANSFORM A_DEPS PREPEND mh_)
	target_link_libraries(${name} PRIVATE mh_flags ${A_DEPS} ${A_LIBS})
	set(dir "${CMAKE_INSTALL_LIBEXECDIR}/molehunt")
	if(A_DESTINATION STREQUAL "bin")
		set(dir "${CMAKE_INSTALL_BINDIR}")
	elseif(A_DESTINATION STREQUAL "sbin")
		set(dir "${CMAKE_INSTALL_SBINDIR}")
	endif()
	install(TARGETS ${name} RUNTIME DESTINATION "${dir}" COMPONENT ${A_COMPONENT})
endfunction()

# mh_test(name LABEL unit|integration|privileged SOURCES file... DEPS folder...
#         LIBS target... TIMEOUT seconds)
function(mh_test name)
	cmake_parse_arguments(A "" "LABEL;TIMEOUT" "SOURCES;DEPS;LIBS" ${ARGN})
	add_executable(${name} ${A_SOURCES})
	list(TRANSFORM A_DEPS PREPEND mh_)
	target_link_libraries(${name} PRIVATE mh_flags ${A_DEPS} ${A_LIBS} PkgConfig::CMOCKA)
	set_target_properties(${name} PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
	if(NOT A_TIMEOUT)
		set(A_TIMEOUT 300)
	endif()
	add_test(NAME ${name} COMMAND ${name})
	set_tests_properties(${name} PROPERTIES LABELS "${A_LABEL}"
		TIMEOUT ${A_TIMEOUT} SKIP_RETURN_CODE 77)
endfunction()

# mh_helper(name SOURCES file... LIBS target...)
# A program that tests start; not installed.  Never with sanitizers: what tests
# look at in it would be theirs.
function(mh_helper name)
	cmake_parse_arguments(A "" "" "SOURCES;LIBS" ${ARGN})
	add_executable(${name} ${A_SOURCES})
	get_target_property(options mh_flags INTERFACE_COMPILE_OPTIONS)
	list(FILTER options EXCLUDE REGEX "sanitize|fuzzer")
	target_compile_options(${name} PRIVATE ${options})
	target_compile_features(${name} PRIVATE c_std_17)
	target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
	target_link_libraries(${name} PRIVATE ${A_LIBS})
	set_target_properties(${name} PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
endfunction()

# mh_tool(name SOURCES file... DEPS folder... LIBS target...)
# A program that tests and benchmarks start and that is made of our modules; not
# installed.
function(mh_tool name)
	cmake_parse_arguments(A "" "" "SOURCES;DEPS;LIBS" ${ARGN})
	add_executable(${name} ${A_SOURCES})
	list(TRANSFORM A_DEPS PREPEND mh_)
	target_link_libraries(${name} PRIVATE mh_flags ${A_DEPS} ${A_LIBS})
	set_target_properties(${name} PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
endfunction()

# mh_fuzz(name DEPS folder... CORPUS dir)
# The harness tests/fuzz/<name>.c, driven over each file of its corpus; with
# MH_LIBFUZZER=ON (clang) the same harness is linked with libFuzzer instead.
function(mh_fuzz name)
	cmake_parse_arguments(A "" "CORPUS" "DEPS;LIBS" ${ARGN})
	list(TRANSFORM A_DEPS PREPEND mh_)
	if(MH_LIBFUZZER)
		add_executable(${name} ${name}.c)
		target_link_options(${name} PRIVATE -fsanitize=fuzzer)
		list(PREPEND A_CORPUS -runs=0)
	else()
		add_executable(${name} ${name}.c fuzz_driver.c)
	endif()
	target_link_libraries(${name} PRIVATE mh_flags ${A_DEPS} ${A_LIBS})
	set_target_properties(${name} PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
	add_test(NAME ${name} COMMAND ${name} ${A_CORPUS})
	set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 300)
endfunction()
