/* PodScripts: what runs in a pod, as texts of POSIX sh. They are constants: what belongs to a task comes as whole
 * positional parameters or on standard input, and no shell ever reads it as a program.
 *
 * Assumed of the pod are sh, cat, dd, tail, wc, mkdir, mv, rm, sleep, kill and /proc, and git for what is git's;
 * setsid and grep are used where they are there. All of a task lies in its own directory:
 *
 *         $HOME/.remote-developer/<task id>/tree           its work tree
 *         $HOME/.remote-developer/<task id>/run/<run>/     one program that was started for it:
 *                 input           its standard input, whole
 *                 claim/          it is started, or never will be: mkdir(2) decides
 *                 leader          the shell that waits for it
 *                 out, err        what it writes
 *                 exit            its exit code, when all of the above is as it will stay
 *                 reader          the connection that is served; an earlier one then ends
 *                 beat            changes as long as a connection is held from the other side
 *
 * Every process of it carries REMOTE_DEVELOPER_POD_TASK in its environment, the program and its children also
 * REMOTE_DEVELOPER_POD_WORK; both name that directory. By these they are found in /proc, whatever session they are in
 * and whoever is their parent; but not what has thrown its environment away, or runs as another user. */
#pragma once

/* Run by pod_call(): their first parameter, the mark that ends the output, is not among those named here. */

extern const char pod_script_upload[];    /* TASK RUN SIZE: takes the standard input; first ends all other runs */
extern const char pod_script_stop[];      /* TASK [forget]: ends all that runs for the task, and removes its runs */
extern const char pod_script_workspace[]; /* TASK URL CONTEXT: with a context the token is the standard input */
extern const char pod_script_review[];    /* TASK facts|status|diff */

/* TASK CONTEXT NUMBER SIZE ENCODING BASE: with a context the token is the first line of standard input, the commit's
 * message, of SIZE bytes, the rest; BASE instead of a message ("-", SIZE 0): pushes what BASE of the remote has not.
 * NUMBER tells one commit from another, over as many tries as it takes. Writes "name=value" lines. */
extern const char pod_script_commit[];

/* Run as it is: TASK RUN start|attach OUT ERR LEASE SUPERVISE ARGV...: starts the run if it is not, and writes from
 * the offsets on what it wrote, as frames (pod-stream.h). */
extern const char pod_script_attach[];
extern const char pod_script_supervise[]; /* TASK RUN LEASE ARGV... */

/* Exit statuses of scripts, beside 0, and 1 with a sentence on standard error. */
#define POD_INPUT_CUT 76  /* the standard input was not whole: the connection broke */
#define POD_NO_GIT 69     /* there is no git in the pod */
#define POD_NO_TREE 68    /* there is no work tree of the task */
#define POD_NOTHING 67    /* there is nothing to commit, or to push */
#define POD_NOT_OWN 66    /* the branch is main, master or the default one, or there is none */
#define POD_NOT_PUSHED 65 /* git could not push it */
