# What the program prints of its own table, for man and for the shells. A sanitizer's program is
# not run for it, and neither is one for another machine.
include(GNUInstallDirs)

function(taburet_manual)
    if(NOT TARGET taburet OR TABURET_SANITIZE OR TABURET_COVERAGE OR CMAKE_CROSSCOMPILING)
        return()
    endif()
    set(out "${PROJECT_BINARY_DIR}/manual")
    set(script "${PROJECT_SOURCE_DIR}/cmake/WriteManual.cmake")
    add_custom_command(OUTPUT "${out}/written"
        COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:taburet> -DOUT=${out} -P "${script}"
        DEPENDS taburet "${script}" COMMENT "Writing the manual and the completions" VERBATIM)
    add_custom_target(manual ALL DEPENDS "${out}/written")
    install(DIRECTORY "${out}/man1" DESTINATION "${CMAKE_INSTALL_MANDIR}")
    install(FILES "${out}/taburet.bash" RENAME taburet
            DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")
    install(FILES "${out}/taburet.zsh" RENAME _taburet
            DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions")
    install(FILES "${out}/taburet.fish"
            DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d")
endfunction()
