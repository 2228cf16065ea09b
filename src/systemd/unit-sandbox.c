/* UnitSandbox: see unit-sandbox.h. One row a setting: the profiles that have it, and where it can be had.
 *
 * Each mount namespace is made anew for every command of a unit, and each setting with paths adds mounts to it, which
 * is what a fence costs. So what the rights of the tasks' user forbid already is not said a second time in `standard`:
 * /proc/sys, /sys and control groups belong to root in the system, but the last of them to the user in a user's
 * manager.
 *
 * All of it was seen to be in the unit still after a daemon-reload (systemd 252), but for what is bound: those paths
 * are written as they are, so that they must not hold a colon, a blank or a quote (launch/launch-sandbox.c).
 *
 * In a user's manager a privileged command, as the recorder is, has the right to no mounts at all, and systemd 252
 * still wants to make those that would show it another picture: TemporaryFileSystem=, and what is bound elsewhere than
 * where it lies, keep it from starting (tried). ProtectHome= and what is bound in its own place do not. */
#include <remote-developer/unit-sandbox.h>

#include <remote-developer/strings.h>

#include "systemd-internal.h"

#include <sched.h>
#include <sys/mount.h>

void unit_sandbox_done(UnitSandbox *s) {
        strv_free(s->writable);
        strv_free(s->bound);
        strv_free(s->shown);
        strv_free(s->hidden);
        free(s->credentials);
        free(s->credentials_at);
        *s = UNIT_SANDBOX_NULL;
}

/* --- values --- */

/* A list of names, allowed or denied. */
typedef struct NameList {
        int allowed;
        const char *const *names;
} NameList;

static int append_names(sd_bus_message *m, const void *value) {
        const NameList *l = value;
        int r = sd_bus_message_open_container(m, 'v', "(bas)");

        if (r >= 0)
                r = sd_bus_message_open_container(m, 'r', "bas");
        if (r >= 0)
                r = sd_bus_message_append(m, "b", l->allowed);
        if (r >= 0)
                r = sd_bus_message_append_strv(m, (char **) l->names);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* from, to, whether it may be missing, flags */
static int append_bound(sd_bus_message *m, const void *value) {
        char *const *v = *(char *const *const *) value;
        int r = sd_bus_message_open_container(m, 'v', "a(ssbt)");

        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(ssbt)");
        for (size_t i = 0; r >= 0 && v[i]; i++)
                r = sd_bus_message_append(m, "(ssbt)", v[i], v[i], 1, (uint64_t) MS_REC);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_credentials(sd_bus_message *m, const void *value) {
        const UnitSandbox *s = container_of((char *const *) value, const UnitSandbox, credentials);

        return sd_bus_message_append(m, "v", "a(ssbt)", 1, s->credentials, s->credentials_at, 1, (uint64_t) MS_REC);
}

/* --- conditions --- */

typedef bool (*Condition)(const UnitSandbox *s);

static bool always(const UnitSandbox *s _unused_) {
        return true;
}

static bool in_namespace(const UnitSandbox *s) {
        return s->has_namespaces;
}

static bool with_own_tmp(const UnitSandbox *s) {
        return s->has_namespaces && !s->shares_tmp;
}

static bool without_homes(const UnitSandbox *s) {
        return s->has_namespaces && s->hides_homes;
}

static bool of_user(const UnitSandbox *s) {
        return s->is_of_user;
}

static bool in_system(const UnitSandbox *s) {
        return !s->is_of_user;
}

/* Without them the kernel's own files would be the unit's to write. */
static bool of_root(const UnitSandbox *s) {
        return s->is_of_root && s->has_namespaces;
}

static bool of_root_or_user(const UnitSandbox *s) {
        return (s->is_of_root || s->is_of_user) && s->has_namespaces;
}

/* --- the table --- */

static const char *const denied_names[] = { "@clock", "@cpu-emulation", "@module", "@obsolete", "@raw-io",
                                            "@reboot", "@swap", NULL };
static const NameList denied_calls = { false, denied_names };

static const char *const allowed_names[] = { "@system-service", NULL };
static const NameList allowed_calls = { true, allowed_names };

/* A task that tries one of those goes on, with "Operation not permitted". */
static const int32_t call_error = EPERM;

/* In a user's manager only the first command of a unit would get the private network (tried), so that the kind of
 * socket has to be what is not allowed. In the system a task keeps its own loopback. */
static const char *const local_families[] = { "AF_UNIX", NULL };
static const NameList local_sockets = { true, local_families };
static const char *const usual_families[] = { "AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK", NULL };
static const NameList usual_sockets = { true, usual_families };

static const char *const strict = "strict";
static const char *const invisible = "invisible";
static const char *const tmpfs = "tmpfs";
static char *const native_names[] = { (char *) "native", NULL };
static char *const *const native = native_names;
static const uint64_t nothing = 0;

/* "None" would be written as the empty text, and be "all" when that is read (tried). This one nobody can make who has
 * no user namespace for it. */
static const uint64_t harmless_namespaces = CLONE_NEWUTS;

typedef struct SandboxRow {
        const char *name;
        PropertyAppend append;
        unsigned profiles;
        Condition applies;
        const void *constant; /* NULL: the member at the offset, left out where it is NULL */
        size_t offset;
} SandboxRow;

#define STANDARD (1U << SANDBOX_STANDARD)
#define STRICT (1U << SANDBOX_STRICT)
#define BOTH (STANDARD | STRICT)
#define MEMBER(name, append, member) { name, append, BOTH, in_namespace, NULL, offsetof(UnitSandbox, member) }

/* clang-format off */
static const SandboxRow sandbox_rows[] = {
        { "NoNewPrivileges", append_yes, BOTH, always, &nothing, 0 },
        { "RestrictSUIDSGID", append_yes, BOTH, always, &nothing, 0 },
        { "SystemCallFilter", append_names, STANDARD, always, &denied_calls, 0 },
        { "SystemCallFilter", append_names, STRICT, always, &allowed_calls, 0 },
        { "SystemCallErrorNumber", append_i, BOTH, always, &call_error, 0 },
        /* Programs of one user in different user namespaces cannot look into each other's memory or files. */
        { "PrivateUsers", append_yes, BOTH, in_namespace, &nothing, 0 },
        { "PrivateTmp", append_yes, BOTH, with_own_tmp, &nothing, 0 },
        { "ProtectSystem", append_s, BOTH, in_namespace, &strict, 0 },
        { "ProtectHome", append_s, BOTH, without_homes, &tmpfs, 0 },
        MEMBER("ReadWritePaths", append_strv, writable),
        MEMBER("BindPaths", append_bound, bound),
        MEMBER("InaccessiblePaths", append_strv, hidden),
        MEMBER("BindReadOnlyPaths", append_bound, shown),
        MEMBER("BindReadOnlyPaths", append_credentials, credentials),
        { "ProtectKernelModules", append_yes, BOTH, in_system, &nothing, 0 },
        { "ProtectKernelLogs", append_yes, BOTH, in_system, &nothing, 0 },
        { "ProtectKernelTunables", append_yes, STANDARD, of_root, &nothing, 0 },
        { "ProtectKernelTunables", append_yes, STRICT, in_namespace, &nothing, 0 },
        { "ProtectControlGroups", append_yes, STANDARD, of_root_or_user, &nothing, 0 },
        { "ProtectControlGroups", append_yes, STRICT, in_namespace, &nothing, 0 },
        { "PrivateNetwork", append_yes, STRICT, in_system, &nothing, 0 },
        { "RestrictAddressFamilies", append_names, STRICT, in_system, &usual_sockets, 0 },
        { "RestrictAddressFamilies", append_names, STRICT, of_user, &local_sockets, 0 },
        { "PrivateDevices", append_yes, STRICT, in_system, &nothing, 0 },
        { "PrivateIPC", append_yes, STRICT, in_system, &nothing, 0 },
        { "ProtectClock", append_yes, STRICT, in_system, &nothing, 0 },
        { "ProtectHostname", append_yes, STRICT, in_system, &nothing, 0 },
        { "ProtectProc", append_s, STRICT, in_system, &invisible, 0 },
        { "CapabilityBoundingSet", append_t, STRICT, in_system, &nothing, 0 },
        { "RestrictNamespaces", append_t, STRICT, always, &harmless_namespaces, 0 },
        { "RestrictRealtime", append_yes, STRICT, always, &nothing, 0 },
        { "LockPersonality", append_yes, STRICT, always, &nothing, 0 },
        { "SystemCallArchitectures", append_strv, STRICT, always, &native, 0 },
};
/* clang-format on */

int unit_sandbox_append(sd_bus_message *m, const UnitSandbox *s) {
        int r = 0;

        for (size_t i = 0; r >= 0 && s && i < ELEMENTSOF(sandbox_rows); i++) {
                const SandboxRow *row = &sandbox_rows[i];
                const void *value = row->constant ?: (const char *) s + row->offset;

                if (!(row->profiles & 1U << s->profile) || !row->applies(s) ||
                    (!row->constant && !*(void *const *) value))
                        continue;
                r = unit_property_append(m, row->name, row->append, value);
        }
        return r;
}

/* --- limits --- */

/* When the machine's memory runs out, a task goes before everything that keeps the machine usable. Who may set a
 * lower one than its own is root alone. */
static const int32_t first_to_go = 300;

int unit_limits_append(sd_bus_message *m, const UnitLimits *l) {
        const struct {
                const char *name;
                const uint64_t *value;
        } limit_rows[] = {
                { "MemoryMax", &l->memory_max },
                { "CPUQuotaPerSecUSec", &l->cpu_quota_usec },
                { "TasksMax", &l->tasks_max },
                { "IOWeight", &l->io_weight },
        };
        int r = unit_property_append(m, "OOMScoreAdjust", append_i, &first_to_go);

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(limit_rows); i++)
                if (*limit_rows[i].value > 0)
                        r = unit_property_append(m, limit_rows[i].name, append_t, limit_rows[i].value);
        return r;
}
