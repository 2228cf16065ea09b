/* remote-developer-recorder DIRECTORY TASK: the first ExecStopPost= command of every task's unit. It writes what
 * systemd tells about the unit's end durably beside the task's file, whether or not the service is running.
 *
 * The file is written at once, and once more when the manager turns out to be going down: that is what tells a task
 * that was running at a shutdown from one that was stopped by hand. */
#include <remote-developer/ending.h>
#include <remote-developer/files.h>
#include <remote-developer/manager-state.h>
#include <remote-developer/strings.h>
#include <remote-developer/task.h>

#include <stdio.h>
#include <sys/stat.h>

static int write_ending(int dir_fd, const char *id, const Ending *e) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_free_ char *name = string_format("%s.result", id);
        int r;

        r = name ? ending_to_text(e, &text) : -ENOMEM;
        return r < 0 ? r : file_write_durable(dir_fd, name, text.data, text.size, 0644);
}

/* Only an end that somebody may have asked for can be a shutdown's. */
static bool may_be_shutdown(const Ending *e) {
        return !string_equal(e->exit_code, "dumped") && !string_equal(e->service_result, "oom-kill");
}

static int record(const char *directory, const char *id) {
        _cleanup_close_ int dir_fd = -EBADF;
        Ending e;
        int r;

        if (!task_id_is_valid(id))
                return -EINVAL;
        dir_fd = file_open_directory(directory, 0750);
        if (dir_fd < 0)
                return dir_fd;
        r = ending_from_environment(&e);
        if (r >= 0)
                r = write_ending(dir_fd, id, &e);
        if (r < 0 || !may_be_shutdown(&e))
                return r;
        if (manager_state_read(getuid() == 0, e.manager_state, sizeof(e.manager_state)) < 0 ||
            !string_equal(e.manager_state, "stopping"))
                return 0;
        return write_ending(dir_fd, id, &e);
}

int main(int argc, char *argv[]) {
        int r;

        if (argc != 3) {
                fprintf(stderr, "remote-developer-recorder DIRECTORY TASK: run by systemd when a task's unit ends\n");
                return EXIT_FAILURE;
        }
        umask(0022);
        r = record(argv[1], argv[2]);
        if (r < 0)
                fprintf(stderr, "<3>The end of %s could not be recorded in %s: %s\n", argv[2], argv[1], strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
