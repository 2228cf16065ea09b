/* Access: see access.h. First it is found out what the caller may do, and if that is nothing, why; then that is
 * compared with what is asked for. */
#include <remote-developer/access.h>

#include "api-internal.h"

#include <remote-developer/strings.h>
#include <remote-developer/token-file.h>
#include <remote-developer/user.h>

#include <stdio.h>
#include <strings.h>

/* How long what the machine's databases said of a user is believed: whoever was made a member, or is one no more, need
 * not wait long, and a client that asks all the time does not cost a look-up each time. */
#define USER_BELIEVED_USEC (5 * USEC_PER_SEC)
#define USERS_KNOWN 16

typedef enum Standing {
        STANDING_UNKNOWN,  /* nobody knows who it is */
        STANDING_STRANGER, /* a user of this machine, who is not allowed */
        STANDING_TASK,     /* the user who runs the tasks */
        STANDING_BAD_TOKEN,
        STANDING_TOKEN,    /* a valid one; its scope says more */
        STANDING_ALLOWED,
} Standing;

typedef struct KnownUser {
        usec_t looked_up_usec; /* monotonic; 0: the row is empty */
        uid_t uid;
        char name[USER_NAME_SIZE];
        Standing standing;
} KnownUser;

struct Access {
        AccessOptions options;
        TokenFile *tokens; /* NULL: there are none */
        KnownUser users[USERS_KNOWN];
};

int access_new(const AccessOptions *options, Access **ret) {
        _cleanup_(access_freep) Access *a = calloc(1, sizeof(Access));
        int r;

        if (!a)
                return -ENOMEM;
        a->options = *options;
        a->options.group = options->group ?: ACCESS_GROUP;
        r = options->state_directory ? token_file_new(options->state_directory, &a->tokens) : 0;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}

Access *access_free(Access *a) {
        if (!a)
                return NULL;
        token_file_free(a->tokens);
        free(a);
        return NULL;
}

const char *access_token_fault(Access *a) {
        return a->tokens ? token_file_fault(a->tokens) : NULL;
}

size_t access_count_tokens(Access *a, size_t *ret_valid) {
        const TokenList *l = a->tokens ? token_file_look(a->tokens) : NULL;
        usec_t now = clock_realtime_usec();

        *ret_valid = 0;
        for (size_t i = 0; l && i < l->n; i++)
                *ret_valid += !token_is_expired(&l->items[i], now);
        return l ? l->n : 0;
}

/* --- users of this machine --- */

static bool runs_tasks(const Access *a, uid_t uid) {
        uid_t tasks;

        return a->options.tasks_user && user_find_uid(a->options.tasks_user, &tasks) >= 0 && tasks == uid;
}

/* Root needs nobody's permission, also where it was configured to run the tasks. */
static Standing standing_of(const Access *a, uid_t uid) {
        if (uid == 0)
                return STANDING_ALLOWED;
        if (a->options.scope == RUNTIME_SCOPE_USER)
                return uid == a->options.owner ? STANDING_ALLOWED : STANDING_STRANGER;
        if (runs_tasks(a, uid))
                return STANDING_TASK;
        return user_is_member(uid, a->options.group) ? STANDING_ALLOWED : STANDING_STRANGER;
}

/* The row of that user, or the one to be overwritten: the oldest. */
static KnownUser *user_row(Access *a, uid_t uid) {
        KnownUser *oldest = &a->users[0];

        for (size_t i = 0; i < USERS_KNOWN; i++) {
                if (a->users[i].looked_up_usec > 0 && a->users[i].uid == uid)
                        return &a->users[i];
                if (a->users[i].looked_up_usec < oldest->looked_up_usec)
                        oldest = &a->users[i];
        }
        return oldest;
}

static const KnownUser *look_up(Access *a, uid_t uid) {
        KnownUser *u = user_row(a, uid);
        usec_t now = clock_monotonic_usec();

        if (u->looked_up_usec > 0 && u->uid == uid && now - u->looked_up_usec < USER_BELIEVED_USEC)
                return u;
        *u = (KnownUser){ .looked_up_usec = now, .uid = uid, .standing = standing_of(a, uid) };
        user_find_name(uid, u->name);
        return u;
}

static Standing judge_peer(Access *a, HttpPeer peer, Caller *c) {
        const KnownUser *u;

        if (!peer.is_known)
                return STANDING_UNKNOWN;
        u = look_up(a, peer.uid);
        c->peer = peer;
        snprintf(c->actor, sizeof(c->actor), "user:%u%s%s%s", (unsigned) peer.uid, *u->name ? "(" : "", u->name,
                 *u->name ? ")" : "");
        c->scope = u->standing == STANDING_ALLOWED ? ACCESS_ADMIN : ACCESS_NONE;
        return u->standing;
}

/* --- tokens --- */

/* "Bearer TOKEN", whose first word is written as one likes (RFC 9110). NULL: it is something else. */
static const char *read_bearer(const char *authorization) {
        const size_t n = strlen("Bearer");

        if (strncasecmp(authorization, "Bearer", n) != 0 || authorization[n] != ' ')
                return NULL;
        return authorization + n + strspn(authorization + n, " ");
}

/* Who gives a token is that token's, whoever it is besides: root can try one out. */
static Standing judge_token(Access *a, const char *authorization, Caller *c) {
        const char *text = read_bearer(authorization);
        const Token *t = NULL;

        if (text && a->tokens)
                t = token_list_find(token_file_look(a->tokens), text, clock_realtime_usec());
        if (!t)
                return STANDING_BAD_TOKEN;
        c->scope = (AccessScope) t->scope;
        snprintf(c->actor, sizeof(c->actor), "token:%s", t->name);
        snprintf(c->token, sizeof(c->token), "%s", t->sha256);
        return STANDING_TOKEN;
}

/* --- refusing --- */

#define TOKEN_ADVICE "give a token, made with remote-developerd --new-token, as \"Authorization: Bearer TOKEN\""

static void refuse_stranger(const Access *a, HttpRequest *r, const Caller *c) {
        if (a->options.scope == RUNTIME_SCOPE_USER)
                reply_error(r, 403, NULL, "This service is another user's than %s: ask that user for a token, and "
                            TOKEN_ADVICE, c->actor);
        else
                reply_error(r, 403, NULL, "%s may not use this service: let root say \"usermod -aG %s USER\", or "
                            TOKEN_ADVICE, c->actor, a->options.group);
}

static void refuse_unauthorized(HttpRequest *r, const char *challenge, const char *sentence) {
        (void) http_request_add_header(r, "WWW-Authenticate", challenge);
        reply_error(r, 401, "Authorization", "%s", sentence);
}

static void refuse_scope(HttpRequest *r, AccessScope needed, const Caller *c) {
        _cleanup_free_ char *challenge = string_format("Bearer error=\"insufficient_scope\", scope=\"%s\"",
                                                       access_scope_words[needed]);

        if (challenge)
                (void) http_request_add_header(r, "WWW-Authenticate", challenge);
        reply_error(r, 403, "Authorization", "This needs the scope %s, and %s has the scope %s",
                    access_scope_words[needed], c->actor, access_scope_words[c->scope]);
}

static void refuse(const Access *a, HttpRequest *r, Standing standing, AccessScope needed, const Caller *c) {
        switch (standing) {
        case STANDING_TOKEN:
                refuse_scope(r, needed, c);
                break;
        case STANDING_STRANGER:
                refuse_stranger(a, r, c);
                break;
        case STANDING_TASK:
                reply_error(r, 403, NULL, "%s is who runs the tasks, and a task may not use this service; to let one, "
                            TOKEN_ADVICE, c->actor);
                break;
        case STANDING_BAD_TOKEN:
                refuse_unauthorized(r, "Bearer error=\"invalid_token\"",
                                    "This token is not, or no longer, one of this service's; "
                                    "remote-developerd --list-tokens lists those that are");
                break;
        default:
                refuse_unauthorized(r, "Bearer", http_request_is_tls(r) ?
                                    "Whoever comes from elsewhere needs a token: " TOKEN_ADVICE :
                                    "It cannot be told which user of this machine asks: " TOKEN_ADVICE);
                break;
        }
}

bool access_is_guest(HttpPeer peer, void *access) {
        return !peer.is_known || look_up(access, peer.uid)->standing != STANDING_ALLOWED;
}

bool access_still_admits(Access *a, const Caller *caller, AccessScope needed) {
        Caller now = {};
        const Token *t = NULL;

        if (!*caller->token) {
                (void) judge_peer(a, caller->peer, &now);
                return now.scope >= needed;
        }
        if (a->tokens)
                t = token_list_find_digest(token_file_look(a->tokens), caller->token, clock_realtime_usec());
        return t && (AccessScope) t->scope >= needed;
}

bool access_admit(Access *a, HttpRequest *r, AccessScope needed, Caller *ret) {
        const char *authorization = http_request_header(r, "Authorization");
        Caller c = {};
        Standing standing;

        standing = authorization ? judge_token(a, authorization, &c) : judge_peer(a, http_request_peer(r), &c);
        if (c.scope < needed || standing == STANDING_BAD_TOKEN) {
                refuse(a, r, standing, needed, &c);
                return false;
        }
        *ret = c;
        return true;
}
