/* PodScripts: see pod-scripts.h. In dash, busybox's ash and bash they mean the same; what will surprise:
 * `$(cat /proc/N/environ)` loses its NULs in all of them, which is as well here; a command in the background has
 * /dev/null for its standard input, so that its own is kept as descriptor 3; a trap is reset in a subshell, where a
 * signal that is ignored stays ignored. */
#include "pod-scripts.h"

/* The body is a subshell, so that `exit` in it ends it alone. */
#define CALLED(body) "n=$1; shift\n(\n" body ")\nprintf '\\n%s %d\\n' \"$n\" $?\n"

#define OF_TASK "t=${HOME:?}/.remote-developer/$task r=$HOME/.remote-developer/$task/run\n"

/* Not all sleep less than a second. */
#define NAP "nap() { sleep 0.2 2>/dev/null || { sleep 1; i=$((i + 4)); }; }\n"

/* stop: SIGTERM to all with the $mark, SIGKILL after five seconds, until there are none. A zombie has no environment,
 * and whoever does not reap it is not waited for. grep(1) looks through a large pod in no time, but need not be
 * there, nor know NULs. */
#define STOP \
        NAP \
        "marked() {\n" \
        "  if printf 'x\\0yz\\0' | grep -qzxF yz; then grep -slzxF \"$mark\" $1\n" \
        "  else for f in $1; do\n" \
        "    case $(cat \"$f\") in *\"$mark\"*) echo \"$f\" ;; esac\n" \
        "  done; fi |\n" \
        "  while read -r f; do f=${f#/proc/}; echo \"${f%/environ}\"; done\n" \
        "} 2>/dev/null\n" \
        "stop() {\n" \
        "  signal=TERM\n" \
        "  for round in 1 2 3 4 5 6 7 8 9; do\n" \
        "    pids=$(marked '/proc/[0-9]*/environ')\n" \
        "    [ \"$pids\" ] || return 0\n" \
        "    kill -s $signal $pids 2>/dev/null\n" \
        "    i=0\n" \
        "    while [ $i -lt 25 ] && [ \"$pids\" ]; do\n" \
        "      nap; i=$((i + 1)) paths=\n" \
        "      for p in $pids; do paths=\"$paths /proc/$p/environ\"; done\n" \
        "      pids=$(marked \"$paths\")\n" \
        "    done\n" \
        "    signal=KILL\n" \
        "  done\n" \
        "  echo 'What an earlier attempt started in the pod does not end' >&2\n" \
        "  return 1\n" \
        "}\n"

#define TASK_STOP OF_TASK "mark=REMOTE_DEVELOPER_POD_TASK=$t\n" STOP

const char pod_script_upload[] = CALLED(
        "task=$1 run=$2 size=$3\n" TASK_STOP
        "for d in \"$r\"/*; do\n"
        "  [ -d \"$d\" ] && [ \"$d\" != \"$r/$run\" ] || continue\n"
        "  [ -e \"$d/exit\" ] || stop || exit 1\n"
        "  rm -rf \"$d\"\n"
        "done\n"
        "umask 077\n"
        "d=$r/$run\n"
        "mkdir -p \"$d\" || exit 1\n"
        "[ ! -e \"$d/claim\" ] || exit 0\n"
        "cat >\"$d/input.$$\" || exit 1\n"
        "[ $(($(wc -c <\"$d/input.$$\"))) -eq \"$size\" ] || { rm -f \"$d/input.$$\"; exit 76; }\n"
        "mv \"$d/input.$$\" \"$d/input\"\n");

/* First the claim: what has not begun then never does. Of whatever left no exit code we were the end. */
const char pod_script_stop[] = CALLED(
        "task=$1\n" TASK_STOP
        "for d in \"$r\"/*; do [ ! -d \"$d\" ] || mkdir \"$d/claim\" 2>/dev/null; done\n"
        "stop || exit 1\n"
        "for d in \"$r\"/*; do\n"
        "  [ -d \"$d\" ] && [ ! -e \"$d/exit\" ] || continue\n"
        "  echo 137 >\"$d/exit.new\" && mv \"$d/exit.new\" \"$d/exit\"\n"
        "done\n"
        "[ \"$2\" != forget ] || rm -rf \"$r\"\n");

/* The work's own children that are left when it has ended are ended with it, as systemd does on this side. The
 * watchdog looks at the beat every second; whatever is not heard of for so long has been forgotten. */
const char pod_script_supervise[] =
        "task=$1 run=$2 lease=$3\n"
        "shift 3\n" OF_TASK
        "mark=REMOTE_DEVELOPER_POD_WORK=$t\n" STOP
        "d=$r/$run\n"
        "mkdir \"$d/claim\" || exit 0\n"
        "trap : TERM\n"
        "echo $$ >\"$d/leader\"\n"
        ": >\"$d/out\"\n"
        ": >\"$d/err\"\n"
        "watch() {\n"
        "  quiet=0 last=\n"
        "  while :; do\n"
        "    sleep 1 || return\n"
        "    now=\n"
        "    read -r now <\"$d/beat\"\n"
        "    if [ \"$now\" = \"$last\" ]; then quiet=$((quiet + 1)); else quiet=0 last=$now; fi\n"
        "    [ $quiet -lt \"$lease\" ] || break\n"
        "  done\n"
        "  echo \"Nobody asked for this work for $lease s: it is ended\" >>\"$d/err\"\n"
        "  stop\n"
        "}\n"
        "watch &\n"
        "(\n"
        "  REMOTE_DEVELOPER_POD_WORK=$t\n"
        "  export REMOTE_DEVELOPER_POD_WORK\n"
        "  [ ! -d \"$t/tree\" ] || cd \"$t/tree\" || exit\n"
        "  exec \"$@\"\n"
        ") <\"$d/input\" >>\"$d/out\" 2>>\"$d/err\"\n"
        "code=$?\n"
        "kill -s KILL $!\n"
        "stop\n"
        "echo $code >\"$d/exit.new\" && mv \"$d/exit.new\" \"$d/exit\"\n";

/* A chunk is copied before its size is told, since the file goes on growing; dd(1) finds its place in a long file
 * without reading what is before. Whether the program has ended is looked at before the chunk that then is the last.
 * A supervisor that is gone is looked for five times: while it executes another program it has no environment. One
 * that was begun and does not come is waited for, since nothing says that it never will. */
const char pod_script_attach[] =
        "task=$1 run=$2 mode=$3 out=$4 err=$5 lease=$6 supervise=$7\n"
        "shift 7\n" OF_TASK NAP
        "d=$r/$run c=$r/$run/chunk.$$\n"
        "cd \"$d\" || { echo lost; exit; }\n"
        "if [ $mode = start ] && [ ! -e claim ]; then (\n"
        "  REMOTE_DEVELOPER_POD_TASK=$t\n"
        "  export REMOTE_DEVELOPER_POD_TASK\n"
        "  cd /\n"
        "  s=\n"
        "  ! command -v setsid || s=setsid\n"
        "  exec $s sh -c \"$supervise\" remote-developer \"$task\" \"$run\" \"$lease\" \"$@\"\n"
        ") </dev/null >/dev/null 2>&1 & fi\n"
        "trap 'rm -f \"$c\"' EXIT\n"
        "trap exit TERM\n"
        "echo $$ >reader\n"
        "exec 3<&0\n"
        "(\n"
        "  trap - EXIT\n"
        "  b=0\n"
        "  while read -r x; do b=$((b + 1)); echo $$.$b >beat; done\n"
        "  kill -s TERM $$\n"
        ") <&3 >/dev/null 2>&1 &\n"
        "beat=$!\n"
        "exec 3<&-\n"
        "finish() { echo \"$1\"; kill $beat; exit; }\n"
        "alive() {\n"
        "  [ -e claim ] || return\n"
        "  read -r l <leader || return\n"
        "  case $(cat /proc/$l/environ) in *\"REMOTE_DEVELOPER_POD_TASK=$t\"*) return 0 ;; esac\n"
        "  return 1\n"
        "} 2>/dev/null\n"
        "send() {\n"
        "  n=0\n"
        "  dd if=$1 of=\"$c\" bs=65536 skip=$(($2 / 65536)) count=1 2>/dev/null || return\n"
        "  n=$(($(wc -c <\"$c\") - $2 % 65536))\n"
        "  [ $n -gt 0 ] || { n=0; return; }\n"
        "  echo \"$1 $n\"\n"
        "  tail -c +$(($2 % 65536 + 1)) \"$c\"\n"
        "}\n"
        "echo begun\n"
        "quiet=0 i=0 gone=0\n"
        "while read -r x <reader && [ \"$x\" = $$ ]; do\n"
        "  done=\n"
        "  [ ! -e exit ] || done=1\n"
        "  send out $out; out=$((out + n)) sent=$n\n"
        "  send err $err; err=$((err + n)) sent=$((sent + n))\n"
        "  [ $sent -eq 0 ] || { quiet=0; continue; }\n"
        "  if [ $done ]; then read -r code <exit; finish \"end $code\"; fi\n"
        "  quiet=$((quiet + 1))\n"
        "  [ $((quiet % 25)) -ne 0 ] || echo tick\n"
        "  if [ $((quiet % 5)) -eq 0 ]; then\n"
        "    if alive; then gone=0; else gone=$((gone + 1)); fi\n"
        "    [ -e claim ] || [ $mode = attach ] || gone=$((gone - 1))\n"
        "    [ $gone -lt 5 ] || [ -e exit ] || finish lost\n"
        "  fi\n"
        "  nap\n"
        "done\n"
        "kill $beat\n";

/* git in the pod: in English, asking nobody, without hooks. With a context the token is what a helper of ours reads
 * from descriptor 3, which each git is given anew: it is in no argument, no environment and no file that has a
 * name. */
#define GIT \
        "LC_ALL=C GIT_TERMINAL_PROMPT=0 GIT_ASKPASS= GIT_OPTIONAL_LOCKS=0\n" \
        "export LC_ALL GIT_TERMINAL_PROMPT GIT_ASKPASS GIT_OPTIONAL_LOCKS\n" \
        "unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_CONFIG_PARAMETERS\n" \
        "command -v git >/dev/null || exit 69\n" \
        "plain() {\n" \
        "  command git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.quotePath=true \\\n" \
        "    -c protocol.ext.allow=never -c submodule.recurse=false -c color.ui=false \"$@\"\n" \
        "}\n"

/* The token is in a variable of the shell, and reaches git's helper through a pipe that has no name. */
#define WITH_TOKEN \
        "helper='!f() { [ \"$1\" != get ] || cat <&3; }; f'\n" \
        "with_token() {\n" \
        "  [ \"$context\" ] || { plain \"$@\"; return; }\n" \
        "  plain -c \"credential.$context.helper=\" -c \"credential.$context.helper=$helper\" \"$@\" 3<<END\n" \
        "username=x-access-token\n" \
        "password=$token\n" \
        "END\n" \
        "}\n"

/* The work tree is made under another name, so what an interrupted one leaves is never taken for one. What a git of an
 * earlier attempt still does is ended first. */
const char pod_script_workspace[] = CALLED(
        "task=$1 url=$2 context=$3 token=\n"
        "[ -z \"$context\" ] || IFS= read -r token || exit 76\n" TASK_STOP
        "stop || exit 1\n"
        "[ ! -e \"$t/tree/.git\" ] || { echo \"$t/tree: as it was left\"; exit 0; }\n"
        "[ ! -e \"$t/tree\" ] || { echo \"$t/tree: it is there, and no repository\" >&2; exit 1; }\n" GIT WITH_TOKEN
        "REMOTE_DEVELOPER_POD_TASK=$t\n"
        "export REMOTE_DEVELOPER_POD_TASK\n"
        "mkdir -p \"$t\" || exit 1\n"
        "rm -rf \"$t\"/partial.*\n"
        "p=$t/partial.$$\n"
        "with_token clone --quiet --template= --no-checkout --origin=origin -- \"$url\" \"$p\" || exit 1\n"
        "cd \"$p\" || exit 1\n"
        "base=$(plain symbolic-ref --quiet refs/remotes/origin/HEAD)\n"
        "for b in \"$base\" refs/remotes/origin/main refs/remotes/origin/master; do\n"
        "  base=$b\n"
        "  [ \"$b\" ] && plain rev-parse --verify --quiet \"$b^{commit}\" >/dev/null && break\n"
        "  base=\n"
        "done\n"
        "[ \"$base\" ] || { echo 'The repository is empty, or names no default branch' >&2; exit 1; }\n"
        "plain symbolic-ref refs/remotes/origin/HEAD \"$base\" &&\n"
        "plain update-ref refs/remote-developer/base \"$base\" &&\n"
        "with_token checkout --quiet --no-track -b \"rd/$task\" \"$base\" -- || exit 1\n"
        "cd \"$t\" && mv \"$p\" tree || exit 1\n"
        "echo \"$t/tree: branch rd/$task from ${base#refs/remotes/origin/} of $url\"\n");

/* What the branch was before is noted under the operation's number, so that a further try, its connection having been
 * cut, knows a commit that it made itself. As step-commit.c does it else. */
const char pod_script_commit[] = CALLED(
        "task=$1 context=$2 number=$3 size=$4 encoding=$5 base=$6 token=\n"
        "[ -z \"$context\" ] || IFS= read -r token || exit 76\n" OF_TASK GIT WITH_TOKEN
        "cd \"$t/tree\" 2>/dev/null || exit 68\n"
        "GIT_CEILING_DIRECTORIES=$t\n"
        "export GIT_CEILING_DIRECTORIES\n"
        "plain rev-parse --git-dir >/dev/null 2>&1 || exit 68\n"
        "m=$t/message.$$ o=$t/operation.$number\n"
        "trap 'rm -f \"$m\"' EXIT\n"
        "(umask 077 && cat >\"$m\") || exit 1\n"
        "[ $(($(wc -c <\"$m\"))) -eq \"$size\" ] || exit 76\n"
        "head() { plain rev-parse --verify --quiet HEAD; }\n"
        "if [ ! -e \"$o\" ]; then\n"
        "  rm -f \"$t\"/operation.*\n"
        "  head >\"$t/noted.$$\"\n"
        "  mv \"$t/noted.$$\" \"$o\" || exit 1\n"
        "fi\n"
        "before=\n"
        "read -r before <\"$o\"\n"
        "branch=$(plain symbolic-ref --quiet --short HEAD)\n"
        "default=$(plain symbolic-ref --quiet refs/remotes/origin/HEAD)\n"
        "default=${default#refs/remotes/origin/}\n"
        "if [ \"$base\" = - ] && [ \"$(head)\" = \"$before\" ]; then\n"
        "  plain add --all -- . || exit 1\n"
        "  against=${before:-$(plain hash-object -t tree /dev/null)}\n"
        "  if ! plain diff --cached --quiet --no-ext-diff \"$against\" --; then\n"
        "    if ! plain config --get user.email >/dev/null && [ -z \"$GIT_AUTHOR_EMAIL$EMAIL\" ]; then\n"
        "      GIT_AUTHOR_NAME='Remote Developer' GIT_AUTHOR_EMAIL=remote-developer@localhost\n"
        "      GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL\n"
        "      export GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL\n"
        "    fi\n"
        "    plain -c commit.gpgSign=false -c \"i18n.commitEncoding=$encoding\" commit --quiet --cleanup=verbatim \\\n"
        "      --file=\"$m\" >&2 || exit 1\n"
        "  fi\n"
        "fi\n"
        "echo \"branch=$branch\"\n"
        "echo \"commit=$(head)\"\n"
        "committed=\n"
        "[ \"$base\" != - ] || [ \"$(head)\" = \"$before\" ] || { committed=1; echo committed=1; }\n"
        "if [ \"$base\" = - ]; then\n"
        "  unpushed=$(plain rev-list --count HEAD --not --remotes -- 2>/dev/null)\n"
        "  [ \"$committed\" ] || [ \"$unpushed\" != 0 ] || exit 67\n"
        "else\n"
        "  [ \"$(plain rev-list --count HEAD --not \"refs/remotes/origin/$base\" -- 2>/dev/null)\" != 0 ] || exit 67\n"
        "fi\n"
        "case $branch in '' | main | master | \"$default\" | \"$base\") exit 66 ;; esac\n"
        "with_token push --quiet --set-upstream origin \"refs/heads/$branch:refs/heads/$branch\" >&2 || exit 65\n"
        "echo pushed=1\n");

/* As step-review.c does it: nothing is written into the work tree, its index or its objects. */
const char pod_script_review[] = CALLED(
        "task=$1\n" OF_TASK GIT
        "cd \"$t/tree\" 2>/dev/null || exit 68\n"
        "GIT_CEILING_DIRECTORIES=$t\n"
        "export GIT_CEILING_DIRECTORIES\n"
        "ask() { plain rev-parse --verify --quiet \"$1\"; }\n"
        "plain rev-parse --git-dir >/dev/null 2>&1 || exit 68\n"
        "head=$(ask HEAD)\n"
        "base=$(plain merge-base refs/remotes/origin/HEAD HEAD 2>/dev/null) ||\n"
        "  base=$(ask refs/remote-developer/base) || base=${head:-$(plain hash-object -t tree /dev/null)}\n"
        "case $2 in\n"
        "facts)\n"
        "  branch=$(plain symbolic-ref --quiet refs/remotes/origin/HEAD)\n"
        "  echo \"current_branch=$(plain symbolic-ref --quiet --short HEAD)\"\n"
        "  echo \"base_branch=${branch#refs/remotes/origin/}\"\n"
        "  echo \"base_commit=$base\"\n"
        "  echo \"head=$head\"\n"
        "  echo \"unpushed=$(plain rev-list --count HEAD --not --remotes -- 2>/dev/null || echo 0)\" ;;\n"
        "status)\n"
        "  plain status --porcelain=v1 --untracked-files=normal ;;\n"
        "diff)\n"
        "  s=$t/review.$$\n"
        "  mkdir -p \"$s/objects\" || exit 1\n"
        "  trap 'rm -rf \"$s\"' EXIT\n"
        "  objects=$(plain rev-parse --git-path objects) && objects=$(cd \"$objects\" && pwd) || exit 1\n"
        "  index=$(plain rev-parse --git-path index)\n"
        "  [ ! -e \"$index\" ] || cat \"$index\" >\"$s/index\" || exit 1\n"
        "  GIT_INDEX_FILE=$s/index GIT_OBJECT_DIRECTORY=$s/objects GIT_ALTERNATE_OBJECT_DIRECTORIES=$objects\n"
        "  export GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n"
        "  plain add --intent-to-add --ignore-errors -- .\n"
        "  plain -c core.bigFileThreshold=16m diff --no-ext-diff --no-textconv --no-color --src-prefix=a/ \\\n"
        "    --dst-prefix=b/ --submodule=short \"$base\" -- ;;\n"
        "esac\n");
