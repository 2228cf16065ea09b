/* TestDisk: see test-disk.h. */
#include "test-disk.h"

#include <remote-developer/files.h>

int test_disk_error;
unsigned test_disk_failures;

/* The linker's names: __real_f is f, and calls of f are calls of __wrap_f. */
int __real_file_write_durable(int dir_fd, const char *name, const void *data, size_t size, mode_t mode);
int __real_file_create_durable(int dir_fd, const char *name, const void *data, size_t size, mode_t mode);
int __wrap_file_write_durable(int dir_fd, const char *name, const void *data, size_t size, mode_t mode);
int __wrap_file_create_durable(int dir_fd, const char *name, const void *data, size_t size, mode_t mode);

int __wrap_file_write_durable(int dir_fd, const char *name, const void *data, size_t size, mode_t mode) {
        if (test_disk_error == 0)
                return __real_file_write_durable(dir_fd, name, data, size, mode);
        test_disk_failures++;
        return test_disk_error;
}

int __wrap_file_create_durable(int dir_fd, const char *name, const void *data, size_t size, mode_t mode) {
        if (test_disk_error == 0)
                return __real_file_create_durable(dir_fd, name, data, size, mode);
        test_disk_failures++;
        return test_disk_error;
}
