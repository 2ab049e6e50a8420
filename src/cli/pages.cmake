# Run as `cmake -DBW=the built bw -DSHARE=folder -P pages.cmake`: writes the man pages and the completions that bw prints,
# in the folders below share/ where Debian's programs look for them.
function(bw_prints file)
  execute_process(COMMAND ${BW} ${ARGN} OUTPUT_FILE ${SHARE}/${file} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${SHARE})
file(MAKE_DIRECTORY ${SHARE}/man/man1 ${SHARE}/bash-completion/completions ${SHARE}/zsh/vendor-completions
  ${SHARE}/fish/vendor_completions.d)

bw_prints(man/man1/bw.1 help --man)
# The page names the pages of the commands.
file(STRINGS ${SHARE}/man/man1/bw.1 others REGEX "^\\.BR bw")
foreach(line IN LISTS others)
  string(REGEX REPLACE "^\\.BR bw[\\]?-([a-z]+) .*" "\\1" command "${line}")
  bw_prints(man/man1/bw-${command}.1 help --man ${command})
endforeach()
# Debian's packages hold them compressed; -n leaves the time out, so that two builds are the same.
file(GLOB pages ${SHARE}/man/man1/*.1)
execute_process(COMMAND gzip -9n ${pages} COMMAND_ERROR_IS_FATAL ANY)

bw_prints(bash-completion/completions/bw completion bash)
bw_prints(zsh/vendor-completions/_bw completion zsh)
bw_prints(fish/vendor_completions.d/bw.fish completion fish)
