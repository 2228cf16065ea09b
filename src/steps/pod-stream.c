/* PodStream: see pod-stream.h. Whoever reads our output may be gone; the work is not, and so nothing is made of an
 * error of writing. */
#include "pod-stream.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>

/* More of standard error does not wait for the end of a line. */
#define HELD_MAX ((size_t) 1024 * 1024)

void pod_stream_done(PodStream *s) {
        buffer_done(&s->held);
}

void pod_stream_restart(PodStream *s) {
        s->is_heard = false;
        s->n_line = 0;
        s->left = 0;
}

uint64_t pod_stream_told(const PodStream *s) {
        return s->err - MIN_OF(s->err, s->held.size);
}

static void pass_held(PodStream *s, size_t size) {
        (void) file_write_all(s->err_fd, s->held.data, size);
        buffer_consume(&s->held, size);
}

/* Up to the end of the last whole line. */
static void pass_lines(PodStream *s) {
        size_t end = s->held.size;

        if (s->in_line && end < HELD_MAX)
                return;
        while (end > 0 && s->held.data[end - 1] != '\n')
                end--;
        if (end == 0 && s->held.size >= HELD_MAX)
                end = s->held.size;
        if (end > 0)
                pass_held(s, end);
}

void pod_stream_flush(PodStream *s) {
        if (s->held.size > 0)
                pass_held(s, s->held.size);
}

int pod_stream_say(PodStream *s, const char *line) {
        _cleanup_free_ char *whole = string_format("%s\n", line);

        if (!whole)
                return -ENOMEM;
        if (!s->in_line && s->held.size == 0)
                (void) file_write_all(s->err_fd, whole, strlen(whole));
        return 0;
}

static int pass(PodStream *s, const char *data, size_t size) {
        int r = 0;

        s->left -= size;
        if (s->left_is_err) {
                s->err += size;
                r = buffer_append(&s->held, data, size);
        } else {
                s->out += size;
                (void) file_write_all(s->out_fd, data, size);
                s->in_line = data[size - 1] != '\n';
        }
        if (r >= 0)
                pass_lines(s);
        if (s->noted)
                s->noted(s->userdata);
        return r;
}

/* "WORD" or "WORD NUMBER" */
static int take_line(PodStream *s) {
        char *number = strchr(s->line, ' ');
        uint64_t n = 0;

        if (number) {
                *number++ = 0;
                if (string_to_uint64(number, &n) < 0)
                        return -EBADMSG;
        }
        s->is_heard = true;
        if (string_equal(s->line, "begun"))
                s->is_begun = true;
        else if (string_equal(s->line, "lost"))
                s->end = POD_LOST;
        else if (string_equal(s->line, "end") && number && n < 256) {
                s->end = POD_ENDED;
                s->exit_code = (int) n;
        } else if (number && (string_equal(s->line, "out") || string_equal(s->line, "err"))) {
                s->left = n;
                s->left_is_err = s->line[0] == 'e';
        } else if (!string_equal(s->line, "tick"))
                return -EBADMSG;
        return 0;
}

static int take_letter(PodStream *s, char c) {
        if (c != '\n' && s->n_line == sizeof(s->line) - 1)
                return -EBADMSG;
        if (c != '\n') {
                s->line[s->n_line++] = c;
                return 0;
        }
        s->line[s->n_line] = 0;
        s->n_line = 0;
        return take_line(s);
}

int pod_stream_take(PodStream *s, const char *data, size_t size) {
        int r = 0;

        while (r >= 0 && size > 0 && s->end == POD_GOES_ON) {
                size_t n = s->left > 0 ? MIN_OF(size, s->left) : 1;

                r = s->left > 0 ? pass(s, data, n) : take_letter(s, *data);
                data += n;
                size -= n;
        }
        if (s->noted)
                s->noted(s->userdata);
        return r;
}
