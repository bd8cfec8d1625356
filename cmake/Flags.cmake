# The language, the warnings, and one of: hardening, sanitizers, coverage.
include(CheckCCompilerFlag)
include(CheckLinkerFlag)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")

add_compile_definitions(_GNU_SOURCE)
# An address of the system's is a struct sockaddr and a struct sockaddr_in at once: its interfaces are
# older than the rule that forbids it, and a linker that sees the whole program knows the rule.
add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -fno-strict-aliasing)
if(TABURET_WERROR)
    add_compile_options(-Werror)
endif()

# Adds a compiler flag, if the compiler knows it.
function(taburet_flag flag)
    string(MAKE_C_IDENTIFIER "HAVE${flag}" have)
    check_c_compiler_flag("-Werror ${flag}" ${have})
    if(${have})
        add_compile_options("SHELL:${flag}")
    endif()
endfunction()

# Adds a linker flag, if the linker knows it.
function(taburet_link_flag flag)
    string(MAKE_C_IDENTIFIER "HAVE_LINK${flag}" have)
    check_linker_flag(C "${flag}" ${have})
    if(${have})
        add_link_options("${flag}")
    endif()
endfunction()

# What stands between a memory error and its abuse.
function(taburet_harden)
    foreach(flag -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
            "-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3" -ftrivial-auto-var-init=zero)
        taburet_flag("${flag}")
    endforeach()
    foreach(flag -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)
        taburet_link_flag("${flag}")
    endforeach()
endfunction()

if(TABURET_SANITIZE)
    set(sanitize "-fsanitize=${TABURET_SANITIZE}")
    add_compile_options(${sanitize} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(${sanitize})
elseif(TABURET_COVERAGE)
    add_compile_options(--coverage -fprofile-update=atomic)
    add_link_options(--coverage)
else()
    taburet_harden()
endif()
