/* Answers that are given again: when many ask for the same at once, it is put together once.
 *
 * Nothing of ours changes but in a turn of the loop, and sd-event has one source's handler called in a turn. A request
 * that had to wait for a later turn (http-queue.c) comes in one of HTTP's, too. So where this turn and the one before
 * were HTTP's, nothing else has happened: what was answered then is still so, unless a request changed something
 * (call_route() says so), or a look at the journal found a line (manager_log_mark() counts them). It then is
 * forgotten. A look at the clock is made besides: what others change behind our back, such as a finished task's
 * document, is believed for ANSWER_BELIEVED_USEC.
 *
 * Owned by the Api: at most ANSWERS_KEPT answers, whose bodies have at most ANSWER_SIZE_MAX bytes. */
#include "api-internal.h"

#include <remote-developer/strings.h>

#include <stdio.h>
#include <systemd/sd-event.h>

#define ANSWER_SIZE_MAX ((size_t) 64 * 1024)
#define ANSWER_BELIEVED_USEC (USEC_PER_SEC / 4)

/* A request came; it is HTTP's turn. */
void answers_note_turn(Api *a) {
        uint64_t turn = 0;

        (void) sd_event_get_iteration(a->event, &turn);
        if (turn != a->turn && turn != a->turn + 1)
                answers_forget(a);
        a->turn = turn;
}

/* Not an HTTP turn any more: an answer is given that had to wait. */
static void forget_where_late(Api *a) {
        uint64_t turn = 0;

        (void) sd_event_get_iteration(a->event, &turn);
        if (turn != a->turn)
                answers_forget(a);
}

void answers_forget(Api *a) {
        a->answers_mark++;
}

static bool is_true(const Api *a, const KeptAnswer *k) {
        return k->mark == a->answers_mark && k->log_mark == manager_log_mark(a->manager) &&
               clock_monotonic_usec() - k->made_usec < ANSWER_BELIEVED_USEC;
}

static KeptAnswer *find_row(Api *a, ApiHandler route, const char *id) {
        for (size_t i = 0; i < ANSWERS_KEPT; i++)
                if (a->answers[i].route == route && string_equal(a->answers[i].id, id))
                        return &a->answers[i];
        return NULL;
}

bool answer_again(Api *a, HttpRequest *r, ApiHandler route, const char *id) {
        const KeptAnswer *k;

        forget_where_late(a);
        k = find_row(a, route, id);
        return k && k->answer && is_true(a, k) && http_answer_again(k->answer, r);
}

/* The row of that answer, or the oldest; one that is free is older than any. */
static KeptAnswer *choose_row(Api *a, ApiHandler route, const char *id) {
        KeptAnswer *found = find_row(a, route, id), *oldest = &a->answers[0];

        for (size_t i = 1; !found && i < ANSWERS_KEPT; i++)
                if (a->answers[i].made_usec < oldest->made_usec)
                        oldest = &a->answers[i];
        return found ?: oldest;
}

void reply_and_keep(Api *a, HttpRequest *r, ApiHandler route, const char *id, Json *body) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        KeptAnswer *k;

        if (!reply_write(body, &text)) {
                reply_errno(r, -ENOMEM);
                return;
        }
        if (text.size > ANSWER_SIZE_MAX) {
                http_request_reply(r, 200, "application/json", &text);
                return;
        }
        k = choose_row(a, route, id);
        http_answer_free(k->answer);
        *k = (KeptAnswer){ .route = route, .mark = a->answers_mark, .log_mark = manager_log_mark(a->manager),
                           .made_usec = clock_monotonic_usec() };
        snprintf(k->id, sizeof(k->id), "%s", id);
        http_answer_keep(r, 200, "application/json", &text, &k->answer);
}

void answers_done(Api *a) {
        for (size_t i = 0; i < ANSWERS_KEPT; i++)
                http_answer_free(a->answers[i].answer);
}
