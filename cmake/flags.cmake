# Compiler and linker flags, for gcc and clang alike. Every target links storesync_flags.
add_library(storesync_flags INTERFACE)

target_compile_definitions(storesync_flags INTERFACE _GNU_SOURCE STORESYNC_VERSION="${PROJECT_VERSION}")
target_include_directories(storesync_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(storesync_flags INTERFACE
	-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wcast-align
	-Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wpointer-arith
	-Wwrite-strings -Wundef -Wvla -Wswitch-enum -Wimplicit-fallthrough -Wnull-dereference
	-Wdouble-promotion -Wno-unused-parameter
	-fno-common -fstack-protector-strong -UNDEBUG) # asserts stay on in every build
if(STORESYNC_WERROR)
	target_compile_options(storesync_flags INTERFACE -Werror)
endif()

if(STORESYNC_KILLPOINTS)
	target_compile_definitions(storesync_flags INTERFACE STORESYNC_KILLPOINTS)
endif()

if(STORESYNC_HARDENING)
	target_compile_definitions(storesync_flags INTERFACE _FORTIFY_SOURCE=2)
	target_compile_options(storesync_flags INTERFACE -fstack-clash-protection -fPIE)
	target_link_options(storesync_flags INTERFACE -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()

if(STORESYNC_SANITIZE)
	target_compile_options(storesync_flags INTERFACE -fsanitize=${STORESYNC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
	target_link_options(storesync_flags INTERFACE -fsanitize=${STORESYNC_SANITIZE})
endif()
