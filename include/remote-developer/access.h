/* room: api
 *
 * Access: who may use the API, and how much of it.
 *
 *   who asks                                     may
 *   ------------------------------------------   -------------------------------------
 *   with a token                                 what its scope says, whoever it is
 *   root; in user mode the owner too             everything
 *   system mode: a member of the group           everything
 *   system mode: the user who runs the tasks     nothing, even as a member (403)
 *   any other user of this machine               nothing (403)
 *   who cannot be told                           nothing (401)
 *
 * A task is not to rule its neighbours and itself: a program that an agent was talked into running would. In user mode
 * tasks are their owner, and nothing tells them apart.
 *
 * "Nothing" is ACCESS_NONE: the page, which is the same on all machines, and whether the service is well.
 */
#pragma once

#include <remote-developer/access-scope.h>
#include <remote-developer/digest.h>
#include <remote-developer/http-request.h>
#include <remote-developer/unit-client.h>

#define ACCESS_GROUP "remote-developer-users"

typedef struct Access Access;

/* All borrowed for the Access's life. */
typedef struct AccessOptions {
        RuntimeScope scope;
        uid_t owner;            /* user mode */
        const char *tasks_user; /* system mode: a name or a number, as configured */
        const char *group;      /* NULL: ACCESS_GROUP */
        const char *state_directory; /* where the tokens are; NULL: there are none */
} AccessOptions;

/* Who a request is from, as far as its handler is concerned. */
#define ACCESS_ACTOR_SIZE 96
typedef struct Caller {
        AccessScope scope;
        char actor[ACCESS_ACTOR_SIZE]; /* "user:1000(name)", "user:1000", "token:NAME"; "" where it is not known */
        HttpPeer peer;                 /* who it was let in as, without a token */
        char token[DIGEST_TEXT_SIZE];  /* the hash of that which it gave; "": none */
} Caller;

int access_new(const AccessOptions *options, Access **ret);
Access *access_free(Access *a);
DEFINE_CLEANUP(Access *, access_free)

/* Whether the request may do what needs that scope; if not it has been answered. May wait for the machine's database
 * of users, at most once in some seconds for each user. */
bool access_admit(Access *a, HttpRequest *r, AccessScope needed, Caller *ret);

/* Whether the caller, who was let in once, would still have that scope. May wait as access_admit(). */
bool access_still_admits(Access *a, const Caller *caller, AccessScope needed);

/* Whether the peer may use nothing without a token. May wait as access_admit(). */
bool access_is_guest(HttpPeer peer, void *access);

/* How many tokens there are, and how many of them have not expired. */
size_t access_count_tokens(Access *a, size_t *ret_valid);

/* Why no token is valid, a sentence; NULL: those on disk are. Borrowed until the next call of any verb. */
const char *access_token_fault(Access *a);
