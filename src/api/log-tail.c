/* LogTail: the last lines of a log, in answers about a task. They are a look at it, put together at once, so both what
 * is given and what is read for that are bounded, however long the lines are; the log's own routes have all of them.
 *
 * How far back a number of lines reaches shows only on the way. Where it is too far, what was read is thrown away and
 * fewer lines are tried; one alone is shown whatever it costs: 16 MiB are read then. */
#include "api-internal.h"

/* Given of a line, and of all; the oldest are left out. */
#define LINE_SIZE_MAX ((size_t) 4 * 1024)
#define TEXT_SIZE_MAX ((size_t) 256 * 1024)

/* Read of lines that are all shown, and so often it may be said that the way is not at its end, which is some hundred
 * entries of the journal each time: before the first line, where fewer are tried then; else. */
#define READ_SIZE_MAX ((size_t) 16 * 1024 * 1024)
#define WAY_TURNS_MAX 1
#define TURNS_MAX 32
#define FEWER 10 /* times */

typedef struct LogTail {
        uint64_t wanted;
        Json *texts;
        size_t sizes[LOG_TAIL_LINES_MAX];
        size_t read;
} LogTail;

static int take_line(LogTail *t, const LogLine *line) {
        size_t n = json_length(t->texts);

        t->read += line->size;
        if (t->read > READ_SIZE_MAX && t->wanted > 1)
                return -E2BIG;
        t->sizes[n] = MIN_OF(line->size, LINE_SIZE_MAX);
        return json_push(t->texts, text_to_json(line->text, line->size, LINE_SIZE_MAX));
}

/* 0: the viewer may be asked on. */
static int take_turn(const LogTail *t, unsigned turns) {
        if (json_length(t->texts) == 0 && t->wanted > 1)
                return turns <= WAY_TURNS_MAX ? 0 : -E2BIG;
        return turns <= TURNS_MAX ? 0 : -EAGAIN;
}

/* -E2BIG: they are too long for so many. */
static int read_lines(Api *a, const char *id, LogTail *t) {
        _cleanup_(log_viewer_freep) LogViewer *viewer = NULL;
        unsigned turns = 0;
        LogLine line;
        int e;

        e = manager_open_log_tail(a->manager, id, t->wanted, t->wanted > 1 ? READ_SIZE_MAX : UINT64_MAX, &viewer);
        while (e >= 0 && json_length(t->texts) < t->wanted) {
                e = log_viewer_next(viewer, &line);
                if (e == -EAGAIN)
                        e = take_turn(t, ++turns);
                else if (e <= 0)
                        break;
                else if (log_line_is_output(&line))
                        e = take_line(t, &line);
        }
        return e;
}

/* The newest of them that there is room for. */
static int give_lines(const LogTail *t, Json **ret) {
        _cleanup_json_ Json *array = json_new_array();
        size_t n = json_length(t->texts), first = n, size = 0;
        int e = array ? 0 : -ENOMEM;

        while (first > 0 && size + t->sizes[first - 1] <= TEXT_SIZE_MAX)
                size += t->sizes[--first];
        for (; e >= 0 && first < n; first++)
                e = json_push(array, json_share(json_at(t->texts, first)));
        if (e >= 0)
                *ret = TAKE_PTR(array);
        return e;
}

static int try(Api *a, const char *id, uint64_t lines, Json **ret) {
        _cleanup_json_ Json *texts = json_new_array();
        LogTail t = { .wanted = lines, .texts = texts };
        int e = texts ? read_lines(a, id, &t) : -ENOMEM;

        /* A damaged archive of the log, which the log's own routes tell of, does not hide the task. */
        return e >= 0 || e == -EAGAIN || e == -EBADMSG ? give_lines(&t, ret) : e;
}

int log_tail(Api *a, const char *id, uint64_t lines, Json **ret) {
        int e;

        assert(lines <= LOG_TAIL_LINES_MAX);
        while ((e = try(a, id, lines, ret)) == -E2BIG)
                lines = MAX_OF(lines / FEWER, (uint64_t) 1);
        return e;
}
