/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fd-util.h"
#include "message.h"

static const char *const message_type_table[_MESSAGE_TYPE_MAX] = {
        [MESSAGE_PING] = "ping",       [MESSAGE_CONFIGURE] = "configure", [MESSAGE_PREPARE] = "prepare",
        [MESSAGE_EXECUTE] = "execute", [MESSAGE_KILL] = "kill",           [MESSAGE_COLLECT] = "collect",
        [MESSAGE_OPEN] = "open",       [MESSAGE_MKDIR] = "mkdir",         [MESSAGE_REMOVE] = "remove",
        [MESSAGE_LIST] = "list",       [MESSAGE_RESET] = "reset",         [MESSAGE_STORAGE] = "storage",
        [MESSAGE_COPY] = "copy",       [MESSAGE_RUNS] = "runs",           [MESSAGE_REPLY] = "reply",
        [MESSAGE_FINISHED] = "finished",
};

DEFINE_STRING_TABLE_LOOKUP(message_type, MessageType);

static const size_t message_size_table[_MESSAGE_TYPE_MAX] = {
        [MESSAGE_PING] = sizeof(MessageHeader),
        [MESSAGE_CONFIGURE] = sizeof(MessageConfigure),
        [MESSAGE_PREPARE] = sizeof(MessagePrepare),
        [MESSAGE_EXECUTE] = sizeof(MessageExecute),
        [MESSAGE_KILL] = sizeof(MessageRun),
        [MESSAGE_COLLECT] = sizeof(MessageRun),
        [MESSAGE_OPEN] = sizeof(MessageFile),
        [MESSAGE_COPY] = sizeof(MessageFile),
        [MESSAGE_MKDIR] = sizeof(MessageFile),
        [MESSAGE_REMOVE] = sizeof(MessageFile),
        [MESSAGE_LIST] = sizeof(MessageFile),
        [MESSAGE_RESET] = sizeof(MessageHeader),
        [MESSAGE_STORAGE] = sizeof(MessageHeader),
        [MESSAGE_RUNS] = sizeof(MessageHeader),
        [MESSAGE_REPLY] = sizeof(MessageReply),
        [MESSAGE_FINISHED] = sizeof(MessageFinished),
};

/* Of the largest fixed part: they share their place. */
#define FIXED_MAX offsetof(Message, tail)

void message_init(Message *m) {
        *m = (Message) {};
}

void message_done(Message *m) {
        assert(m);

        close_many(m->fds + m->fds_used, m->n_fds - m->fds_used);
        m->n_fds = m->fds_used = 0;
        m->tail = mfree(m->tail);
        m->tail_size = m->tail_used = 0;
}

/* Reads the tail that came in a descriptor. It was sealed by whoever sent it, so it cannot change or shrink
 * below us; one that is not sealed is refused, because reading could then wait on its writer. */
static int receive_tail_fd(Message *m, size_t size) {
        _cleanup_close_ int fd = -EBADF;
        uint64_t sealed_size;

        fd = message_next_fd(m);
        if (fd < 0)
                return fd;

        if (memfd_get_sealed_size(fd, &sealed_size) < 0 || sealed_size < size)
                return -EBADMSG;

        m->tail = new(char, size);
        if (!m->tail)
                return -ENOMEM;

        if (pread(fd, m->tail, size, 0) != (ssize_t) size)
                return -EBADMSG;

        return 0;
}

static int message_receive_internal(int socket_fd, Message *m) {
        uint8_t buf[FIXED_MAX + MESSAGE_INLINE_MAX];
        size_t inline_size;
        ssize_t n;
        int r;

        n = recv_with_foreign_fds(socket_fd, buf, sizeof(buf), m->fds, ELEMENTSOF(m->fds), &m->n_fds, 0);
        if (n == -EMSGSIZE)
                return -EBADMSG;
        if (n < 0)
                return (int) n;
        if (n == 0)
                return -ECONNRESET;

        if ((size_t) n < sizeof(MessageHeader))
                return -EBADMSG;

        memcpy(&m->header, buf, sizeof(MessageHeader));
        if (m->header.magic != PROTOCOL_MAGIC)
                return -EBADMSG;
        if (m->header.version != PROTOCOL_VERSION)
                return -EPROTONOSUPPORT;
        if (m->header.type >= _MESSAGE_TYPE_MAX ||
            m->header.size != message_size_table[m->header.type] ||
            m->header.tail_size > MESSAGE_TAIL_MAX)
                return -EBADMSG;

        inline_size = m->header.tail_in_fd ? 0 : m->header.tail_size;
        if ((size_t) n != m->header.size + inline_size)
                return -EBADMSG;

        memcpy(m, buf, m->header.size);

        if (m->header.tail_size > 0) {
                if (m->header.tail_in_fd) {
                        r = receive_tail_fd(m, m->header.tail_size);
                        if (r < 0)
                                return r;
                } else {
                        m->tail = new(char, inline_size);
                        if (!m->tail)
                                return -ENOMEM;
                        memcpy(m->tail, buf + m->header.size, inline_size);
                }

                if (m->tail[m->header.tail_size - 1] != '\0')
                        return -EBADMSG;
                m->tail_size = m->header.tail_size;
        }

        return 0;
}

int message_receive(int socket_fd, Message *ret) {
        int r;

        assert(ret);

        message_init(ret);
        r = message_receive_internal(socket_fd, ret);
        if (r < 0)
                message_done(ret);
        return r;
}

int message_next_string(Message *m, const char **ret) {
        const char *s, *end;

        if (m->tail_used >= m->tail_size)
                return -EBADMSG;

        s = m->tail + m->tail_used;
        end = memchr(s, '\0', m->tail_size - m->tail_used);
        if (!end)
                return -EBADMSG;

        m->tail_used += (size_t) (end - s) + 1;
        *ret = s;
        return 0;
}

int message_next_fd(Message *m) {
        return m->fds_used < m->n_fds ? m->fds[m->fds_used++] : -EBADMSG;
}

int message_check_end(const Message *m) {
        return m->tail_used == m->tail_size && m->fds_used == m->n_fds ? 0 : -EBADMSG;
}

int message_send(
                int socket_fd,
                MessageType type,
                uint32_t serial,
                void *fixed,
                size_t fixed_size,
                const char *tail,
                size_t tail_size,
                const int *fds,
                size_t n_fds) {

        _cleanup_close_ int tail_fd = -EBADF;
        uint8_t buf[FIXED_MAX + MESSAGE_INLINE_MAX];
        int all_fds[MESSAGE_FDS_MAX];
        MessageHeader *header = fixed;
        size_t n = 0, size;
        ssize_t sent;

        assert(fixed_size == message_size_table[type]);
        assert(n_fds + 1 <= MESSAGE_FDS_MAX);

        if (tail_size > MESSAGE_TAIL_MAX)
                return -E2BIG;

        *header = (MessageHeader) {
                .magic = PROTOCOL_MAGIC,
                .version = PROTOCOL_VERSION,
                .type = (uint16_t) type,
                .serial = serial,
                .size = (uint32_t) fixed_size,
                .tail_size = (uint32_t) tail_size,
                .tail_in_fd = tail_size > MESSAGE_INLINE_MAX,
        };

        memcpy(buf, fixed, fixed_size);
        size = fixed_size;

        if (header->tail_in_fd) {
                tail_fd = memfd_new_sealed("judgebox-message", tail, tail_size);
                if (tail_fd < 0)
                        return tail_fd;
                all_fds[n++] = tail_fd;
        } else if (tail_size > 0) {
                memcpy(buf + size, tail, tail_size);
                size += tail_size;
        }

        if (n_fds > 0)
                memcpy(all_fds + n, fds, n_fds * sizeof(int));
        n += n_fds;

        sent = send_with_fds(socket_fd, buf, size, all_fds, n, 0);
        if (sent < 0)
                return (int) sent;

        return (size_t) sent == size ? 0 : -EIO;
}

int message_send_simple(int socket_fd, MessageType type, uint32_t serial) {
        MessageHeader h;

        return message_send(socket_fd, type, serial, &h, sizeof(h), NULL, 0, NULL, 0);
}

int message_send_run(int socket_fd, MessageType type, uint32_t serial, uint64_t run, bool again) {
        MessageRun m = { .run = run, .again = again };

        return message_send(socket_fd, type, serial, &m, sizeof(m), NULL, 0, NULL, 0);
}

int message_send_file(int socket_fd, MessageType type, uint32_t serial, FileFlags flags, const char *path) {
        MessageFile m = { .flags = flags };

        return message_send(socket_fd, type, serial, &m, sizeof(m), path, strlen(path) + 1, NULL, 0);
}

int message_parse_file(Message *m, FileFlags *ret_flags, const char **ret_path) {
        const char *path;
        int r;

        if (m->file.flags & ~(uint32_t) _FILE_FLAGS_ALL)
                return -EBADMSG;

        r = message_next_string(m, &path);
        if (r < 0)
                return r;

        r = message_check_end(m);
        if (r < 0)
                return r;

        *ret_flags = (FileFlags) m->file.flags;
        *ret_path = path;
        return 0;
}

int message_send_copy(int socket_fd, uint32_t serial, FileFlags flags, const char *path, int source_fd) {
        MessageFile m = { .flags = flags };

        return message_send(socket_fd, MESSAGE_COPY, serial, &m, sizeof(m), path, strlen(path) + 1, &source_fd, 1);
}

int message_parse_copy(Message *m, FileFlags *ret_flags, const char **ret_path, int *ret_source_fd) {
        int r, fd;

        /* Not counting the one that the tail came in. */
        fd = message_next_fd(m);
        if (fd < 0)
                return fd;

        r = message_parse_file(m, ret_flags, ret_path);
        if (r < 0) {
                m->fds_used--;
                return r;
        }

        *ret_source_fd = fd;
        return 0;
}

int message_next_run(const Message *m, size_t *place, MessageRunEntry *ret, const char **ret_program) {
        const char *program;
        size_t left;

        assert(*place <= m->tail_size);

        left = m->tail_size - *place;
        if (left == 0)
                return 0;
        if (left < sizeof(*ret))
                return -EBADMSG;

        memcpy(ret, m->tail + *place, sizeof(*ret));
        program = m->tail + *place + sizeof(*ret);
        left -= sizeof(*ret);

        if (ret->program_size == 0 || ret->program_size > left || ret->state >= _MESSAGE_RUN_STATE_MAX ||
            memchr(program, '\0', ret->program_size) != program + ret->program_size - 1)
                return -EBADMSG;

        *ret_program = program;
        *place += sizeof(*ret) + ret->program_size;
        return 1;
}

int message_send_reply(
                int socket_fd,
                uint32_t serial,
                int error,
                Step step,
                uint64_t value,
                uint64_t value2,
                const char *tail,
                size_t tail_size,
                int fd) {

        MessageReply m = { .error = abs(error), .step = (uint32_t) step, .value = value, .value2 = value2 };

        return message_send(socket_fd, MESSAGE_REPLY, serial, &m, sizeof(m), tail, tail_size, &fd, fd >= 0);
}
