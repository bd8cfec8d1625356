# A room is a folder of src/ and a static library. It sees its own headers and those of the
# rooms below it, by the folder's name ("proto/frame.h"); scripts/check-layers keeps it so.

# taburet_room(NAME BELOW...): BELOW are rooms and libraries. A room without a source file is
# only what lies below it.
function(taburet_room name)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${name}/*.c")
    list(TRANSFORM ARGN REPLACE "^[a-z]+$" "taburet_\\0" OUTPUT_VARIABLE below)
    set(room taburet_${name})
    if(sources)
        add_library(${room} STATIC ${sources})
        target_include_directories(${room} PUBLIC "${PROJECT_SOURCE_DIR}/src")
        target_link_libraries(${room} PUBLIC ${below})
    else()
        add_library(${room} INTERFACE)
        target_include_directories(${room} INTERFACE "${PROJECT_SOURCE_DIR}/src")
        target_link_libraries(${room} INTERFACE ${below})
    endif()
    if(sources AND name STREQUAL "app")
        taburet_version(${room})
    endif()
endfunction()

# The version has one home, project() in the root.
function(taburet_version target)
    target_compile_definitions(${target} PRIVATE TABURET_VERSION="${PROJECT_VERSION}")
endfunction()

# The program, and a view of the build where clangd looks for one (build/).
function(taburet_program)
    file(GLOB main CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/main.c")
    if(main)
        add_executable(taburet ${main})
        target_link_libraries(taburet PRIVATE taburet_app)
        taburet_version(taburet)
        install(TARGETS taburet)
    endif()
    if(NOT TABURET_BIN_DIR)
        return()
    endif()
    if(main)
        set_target_properties(taburet PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${TABURET_BIN_DIR}")
    endif()
    file(CREATE_LINK "${PROJECT_BINARY_DIR}/compile_commands.json"
         "${TABURET_BIN_DIR}/compile_commands.json" SYMBOLIC)
endfunction()
