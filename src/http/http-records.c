/* HttpRecords: the body of an answer over TLS. MHD sends it a record a turn, and would be taken for one that wants to
 * run again and again for nothing if it did not have to ask for each. */
#include "http-internal.h"

#include <string.h>

/* Of TLS, in bytes. */
#define RECORD_SIZE ((size_t) 16 * 1024)

typedef struct HttpRecords {
        HttpServer *server; /* lives as long as its answers */
        char *data;
        size_t size;
} HttpRecords;

static ssize_t records_read(void *userdata, uint64_t position, char *to, size_t max) {
        HttpRecords *records = userdata;
        size_t n = MIN_OF(max, records->size - position);

        memcpy(to, records->data + position, n);
        records->server->n_fruitless = 0;
        return (ssize_t) n;
}

static void records_free(void *userdata) {
        HttpRecords *records = userdata;

        free(records->data);
        free(records);
}

struct MHD_Response *http_records_new(HttpServer *s, char *data, size_t size) {
        HttpRecords *records = malloc(sizeof(HttpRecords));
        struct MHD_Response *response;

        if (!records)
                return NULL;
        *records = (HttpRecords){ .server = s, .data = data, .size = size };
        response = MHD_create_response_from_callback(size, RECORD_SIZE, records_read, records, records_free);
        if (!response)
                free(records);
        return response;
}
