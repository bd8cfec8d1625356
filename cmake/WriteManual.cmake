# cmake -DPROGRAM=taburet -DOUT=FOLDER -P WriteManual.cmake: man1/taburet.1, a page for each verb,
# and taburet.SHELL. The verbs are those that the overview lists.

# write(FILE WORD...): what `taburet WORD...` prints.
function(write file)
    execute_process(COMMAND "${PROGRAM}" ${ARGN} OUTPUT_FILE "${OUT}/${file}"
                    COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE "${OUT}")
file(MAKE_DIRECTORY "${OUT}/man1")
execute_process(COMMAND "${PROGRAM}" help OUTPUT_VARIABLE overview COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "\n  [a-z]+" verbs "${overview}")
if(NOT verbs)
    message(FATAL_ERROR "'${PROGRAM} help' lists no verb")
endif()
write(man1/taburet.1 manual)
foreach(verb IN LISTS verbs)
    string(STRIP "${verb}" verb)
    write(man1/taburet-${verb}.1 manual ${verb})
endforeach()
foreach(shell bash zsh fish)
    write(taburet.${shell} completion ${shell})
endforeach()
file(TOUCH "${OUT}/written")
