/* ServiceUnits: see service-units.h. */
#include <remote-developer/service-units.h>

#include <remote-developer/strings.h>

#include <netinet/in.h>
#include <systemd/sd-bus.h>

#define MANAGER "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"
#define INTERFACE_UNIT "org.freedesktop.systemd1.Unit"
#define INTERFACE_SOCKET "org.freedesktop.systemd1.Socket"
#define INTERFACE_SERVICE "org.freedesktop.systemd1.Service"

typedef struct Reader {
        sd_bus *bus;
        ServiceUnits units;
} Reader;

void service_units_done(ServiceUnits *u) {
        strv_free(u->listen);
        strv_free(u->credentials);
        *u = SERVICE_UNITS_NULL;
}

/* Opens an array of the property; sd_bus_message_unref() it. */
static int get_array(Reader *r, const char *path, const char *interface, const char *property, const char *contents,
                     sd_bus_message **ret) {
        _cleanup_free_ char *type = string_format("a%s", contents);
        int e;

        if (!type)
                return -ENOMEM;
        e = sd_bus_get_property(r->bus, "org.freedesktop.systemd1", path, interface, property, NULL, ret, type);
        return e < 0 ? e : sd_bus_message_enter_container(*ret, 'a', contents);
}

/* Only streams: what else a socket unit can open is refused when it is passed. */
static int read_listen(Reader *r, const char *path) {
        sd_bus_message *m = NULL;
        const char *type, *address;
        int e = get_array(r, path, INTERFACE_SOCKET, "Listen", "(ss)", &m);

        while (e >= 0 && (e = sd_bus_message_read(m, "(ss)", &type, &address)) > 0)
                if (string_equal(type, "Stream"))
                        e = strv_append(&r->units.listen, address);
        sd_bus_message_unref(m);
        return e;
}

static int add_credential(Reader *r, const char *name, const char *path) {
        int e = strv_append(&r->units.credentials, name);

        return e < 0 ? e : strv_append(&r->units.credentials, path);
}

static int read_loaded_credentials(Reader *r, const char *path, const char *property, bool in_the_clear) {
        sd_bus_message *m = NULL;
        const char *name, *file;
        int e = get_array(r, path, INTERFACE_SERVICE, property, "(ss)", &m);

        while (e >= 0 && (e = sd_bus_message_read(m, "(ss)", &name, &file)) > 0)
                e = add_credential(r, name, in_the_clear ? file : "");
        sd_bus_message_unref(m);
        return e;
}

static int read_set_credentials(Reader *r, const char *path, const char *property) {
        sd_bus_message *m = NULL;
        const char *name;
        int e = get_array(r, path, INTERFACE_SERVICE, property, "(say)", &m);

        while (e >= 0 && (e = sd_bus_message_enter_container(m, 'r', "say")) > 0) {
                e = sd_bus_message_read(m, "s", &name);
                if (e >= 0)
                        e = sd_bus_message_skip(m, "ay");
                if (e >= 0)
                        e = sd_bus_message_exit_container(m);
                if (e >= 0)
                        e = add_credential(r, name, "");
        }
        sd_bus_message_unref(m);
        return e;
}

static bool is_loopback(int family, const uint8_t *address, size_t size) {
        struct in6_addr in6;

        if (family == AF_INET)
                return size == 4 && address[0] == 127;
        if (size != sizeof(in6))
                return false;
        memcpy(&in6, address, sizeof(in6));
        return IN6_IS_ADDR_LOOPBACK(&in6);
}

/* How many rows there are, and how many of them are not loopback alone. */
static int count_addresses(Reader *r, const char *path, const char *property, unsigned *ret_all,
                           unsigned *ret_beyond) {
        sd_bus_message *m = NULL;
        int e = get_array(r, path, INTERFACE_SERVICE, property, "(iayu)", &m);

        *ret_all = *ret_beyond = 0;
        while (e >= 0 && (e = sd_bus_message_enter_container(m, 'r', "iayu")) > 0) {
                const void *address;
                size_t size;
                int32_t family;

                e = sd_bus_message_read(m, "i", &family);
                if (e >= 0)
                        e = sd_bus_message_read_array(m, 'y', &address, &size);
                if (e >= 0)
                        e = sd_bus_message_skip(m, "u");
                if (e >= 0)
                        e = sd_bus_message_exit_container(m);
                if (e >= 0) {
                        (*ret_all)++;
                        *ret_beyond += !is_loopback(family, address, size);
                }
        }
        sd_bus_message_unref(m);
        return e;
}

/* What is allowed comes before what is denied, and ours denies everything. */
static int read_addresses(Reader *r, const char *path) {
        unsigned n_denied, n_allowed, n_beyond, n_allowed_beyond;
        int e = count_addresses(r, path, "IPAddressDeny", &n_denied, &n_beyond);

        if (e >= 0)
                e = count_addresses(r, path, "IPAddressAllow", &n_allowed, &n_allowed_beyond);
        r->units.hears_machine_only = e >= 0 && n_beyond > 0 && n_allowed_beyond == 0;
        return e;
}

static int load_unit(Reader *r, const char *name, char **ret_path) {
        sd_bus_message *m = NULL;
        const char *path;
        int stale = 0, e;

        e = sd_bus_call_method(r->bus, MANAGER, "LoadUnit", NULL, &m, "s", name);
        if (e >= 0)
                e = sd_bus_message_read(m, "o", &path);
        if (e >= 0)
                e = string_replace(ret_path, path);
        sd_bus_message_unref(m);
        if (e >= 0)
                e = sd_bus_get_property_trivial(r->bus, "org.freedesktop.systemd1", *ret_path, INTERFACE_UNIT,
                                                "NeedDaemonReload", NULL, 'b', &stale);
        r->units.is_stale |= e >= 0 && stale;
        return e;
}

/* 1: it is; 0: there is none, or not one that systemd understands. */
static int is_loaded(Reader *r, const char *path) {
        _cleanup_free_ char *state = NULL;
        int e = sd_bus_get_property_string(r->bus, "org.freedesktop.systemd1", path, INTERFACE_UNIT, "LoadState", NULL,
                                           &state);

        return e < 0 ? e : string_equal(state, "loaded");
}

static int read_socket_unit(Reader *r) {
        _cleanup_free_ char *path = NULL;
        int e = load_unit(r, "remote-developer.socket", &path);

        if (e >= 0)
                e = is_loaded(r, path);
        return e <= 0 ? e : read_listen(r, path);
}

static int read_service_unit(Reader *r) {
        _cleanup_free_ char *path = NULL;
        int e = load_unit(r, "remote-developer.service", &path);

        if (e >= 0)
                e = read_loaded_credentials(r, path, "LoadCredential", true);
        if (e >= 0)
                e = read_loaded_credentials(r, path, "LoadCredentialEncrypted", false);
        if (e >= 0)
                e = read_set_credentials(r, path, "SetCredential");
        if (e >= 0)
                e = read_set_credentials(r, path, "SetCredentialEncrypted");
        return e < 0 ? e : read_addresses(r, path);
}

int service_units_read(RuntimeScope scope, ServiceUnits *ret) {
        Reader r = {};
        int e = scope == RUNTIME_SCOPE_SYSTEM ? sd_bus_open_system(&r.bus) : sd_bus_open_user(&r.bus);

        if (e >= 0)
                e = read_socket_unit(&r);
        if (e >= 0)
                e = read_service_unit(&r);
        sd_bus_flush_close_unref(r.bus);
        if (e < 0)
                service_units_done(&r.units);
        *ret = r.units;
        return e < 0 ? e : 0;
}

const char *service_units_credential(const ServiceUnits *u, const char *name) {
        for (char *const *c = u->credentials; c && *c; c += 2)
                if (string_equal(c[0], name))
                        return c[1];
        return NULL;
}
