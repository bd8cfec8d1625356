# taburet_embed(ROOM HEADER NAME FILE): a file stands in the program itself. HEADER declares
# `const char NAME[]`, which is FILE with a terminator behind it, and `const size_t NAME_size`, which
# does not count that. Written when the build is configured, which a change of FILE makes it be again.
function(taburet_embed room header name file)
    set(input "${PROJECT_SOURCE_DIR}/${file}")
    set(output "${PROJECT_BINARY_DIR}/embedded/${name}.c")
    file(READ "${input}" hex HEX)
    string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    file(CONFIGURE OUTPUT "${output}" CONTENT
         "#include \"${header}\"\n\nconst char ${name}[] = {\n${hex}0x00};\nconst size_t ${name}_size = sizeof ${name} - 1;\n"
         @ONLY)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${input}")
    target_sources(taburet_${room} PRIVATE "${output}")
endfunction()
