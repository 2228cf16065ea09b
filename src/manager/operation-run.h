/* OperationRun: the live side of an operation, from its document to its end. Owned by the manager; in its list of
 * operations from its first moment. See manager-operation.c. */
#pragma once

#include "manager-internal.h"

struct OperationRun {
        Manager *manager;
        Task *task; /* as its document is */
        OperationKind kind;
        UnitWatch watch;
        bool asked;    /* the answer to its start is still to come */
        bool unsaved;  /* it has ended, but the document could not be written */
        bool is_taken_up; /* the service was not there when it began */
        char *refused; /* what systemd said when it refused the unit */
        OperationEnded ended;
        void *userdata;
        LIST_ENTRY(OperationRun) list;
};
