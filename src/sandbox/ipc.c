/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "fd-util.h"
#include "ipc.h"
#include "mount-util.h"
#include "tree.h"

/* More than there can be: IPCMNI, and the system's fs.mqueue.queues_max. */
#define QUEUES_STEPS_MAX (UINT64_C(1) << 20)

union semun {
        void *buffer;
};

/* The three kinds of System V alike. By place in the kernel's table: the identifier, or -errno. */
typedef struct IpcKind {
        int (*get_info)(int *ret_n); /* the highest place in use, and how many are */
        int (*get_id)(int place);
        int (*remove)(int id);
} IpcKind;

static int shm_get_info(int *ret_n) {
        struct shm_info info = {};
        int r;

        r = RET_NERRNO(shmctl(0, SHM_INFO, (struct shmid_ds *) &info));
        *ret_n = info.used_ids;
        return r;
}

static int shm_get_id(int place) {
        return RET_NERRNO(shmctl(place, SHM_STAT_ANY, &(struct shmid_ds) {}));
}

static int shm_remove(int id) {
        return RET_NERRNO(shmctl(id, IPC_RMID, NULL));
}

static int sem_get_info(int *ret_n) {
        struct seminfo info = {};
        int r;

        r = RET_NERRNO(semctl(0, 0, SEM_INFO, (union semun) { .buffer = &info }));
        *ret_n = info.semusz;
        return r;
}

static int sem_get_id(int place) {
        return RET_NERRNO(semctl(place, 0, SEM_STAT_ANY, (union semun) { .buffer = &(struct semid_ds) {} }));
}

static int sem_remove(int id) {
        return RET_NERRNO(semctl(id, 0, IPC_RMID));
}

static int msg_get_info(int *ret_n) {
        struct msginfo info = {};
        int r;

        r = RET_NERRNO(msgctl(0, MSG_INFO, (struct msqid_ds *) &info));
        *ret_n = info.msgpool;
        return r;
}

static int msg_get_id(int place) {
        return RET_NERRNO(msgctl(place, MSG_STAT_ANY, &(struct msqid_ds) {}));
}

static int msg_remove(int id) {
        return RET_NERRNO(msgctl(id, IPC_RMID, NULL));
}

static const IpcKind kinds[] = {
        { shm_get_info, shm_get_id, shm_remove },
        { sem_get_info, sem_get_id, sem_remove },
        { msg_get_info, msg_get_id, msg_remove },
};

static int clear_kind(const IpcKind *k) {
        int n, highest, id, r;

        highest = k->get_info(&n);
        if (highest < 0)
                return highest == -ENOSYS ? 0 : highest;

        for (int place = 0; n > 0 && place <= highest; place++) {
                id = k->get_id(place);
                if (id == -EINVAL)
                        continue; /* nobody's place */
                if (id < 0)
                        return id;

                r = k->remove(id);
                if (r < 0)
                        return r;
                n--;
        }

        return 0;
}

int ipc_open(int *ret_mqueue_fd) {
        _cleanup_close_ int mount_fd = -EBADF;
        int fd;

        assert(ret_mqueue_fd);

        mount_fd = mount_new("mqueue", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        if (mount_fd == -ENODEV) {
                *ret_mqueue_fd = -EBADF;
                return 0;
        }
        if (mount_fd < 0)
                return mount_fd;

        fd = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        *ret_mqueue_fd = fd;
        return 0;
}

int ipc_clear(int mqueue_fd) {
        TreeRemoval t = { .trash_fd = -EBADF, .steps_left = QUEUES_STEPS_MAX };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                int r;

                r = clear_kind(kinds + i);
                if (r < 0)
                        return r;
        }

        return mqueue_fd >= 0 ? tree_clear(&t, mqueue_fd) : 0;
}
