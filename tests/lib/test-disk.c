/* TestDisk: see test-disk.h. */
#include "test-disk.h"

#include "test-clock.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>

int test_disk_error;
unsigned test_disk_failures, test_disk_writes, test_disk_documents;
usec_t test_disk_usec;

/* The linker's names: __real_f is f, and calls of f are calls of __wrap_f. */
int __real_file_write_durable(int dir_fd, const char *name, const void *data, size_t size, mode_t mode);
int __real_file_create_durable(int dir_fd, const char *name, const void *data, size_t size, mode_t mode);
int __wrap_file_write_durable(int dir_fd, const char *name, const void *data, size_t size, mode_t mode);
int __wrap_file_create_durable(int dir_fd, const char *name, const void *data, size_t size, mode_t mode);

static int begin_write(const char *name) {
        test_disk_failures += test_disk_error < 0;
        test_disk_writes += test_disk_error == 0;
        test_disk_documents += test_disk_error == 0 && string_has_prefix(name, "task-");
        if (test_disk_usec > 0)
                test_clock_advance(test_disk_usec);
        return test_disk_error;
}

int __wrap_file_write_durable(int dir_fd, const char *name, const void *data, size_t size, mode_t mode) {
        int r = begin_write(name);

        return r < 0 ? r : __real_file_write_durable(dir_fd, name, data, size, mode);
}

int __wrap_file_create_durable(int dir_fd, const char *name, const void *data, size_t size, mode_t mode) {
        int r = begin_write(name);

        return r < 0 ? r : __real_file_create_durable(dir_fd, name, data, size, mode);
}
