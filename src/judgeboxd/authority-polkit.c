/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/pidfd.h>
#include <unistd.h>

#include "admission.h"
#include "authority.h"
#include "fd-util.h"
#include "hash.h"
#include "log.h"

/* How long polkitd may take: by itself (it takes one after the other, also those of a daemon that is no more), and when
 * it asks a person. */
#define CHECK_TIMEOUT_USEC (25 * USEC_PER_SEC)
#define CHECK_INTERACTIVE_TIMEOUT_USEC (120 * USEC_PER_SEC)

/* Of polkit's D-Bus interface. */
#define CHECK_FLAG_ALLOW_USER_INTERACTION 1U

/* How many answers are waited for at a time: a bus lets nobody wait for more than 128, and whoever is beyond that would be
 * refused. Of one uid's requests only a few, so that who floods us with them keeps nobody else from being asked about. */
#define ASKED_MAX 96U
#define ASKED_PER_UID_MAX 8U

/* What the shipped rules (polkit/org.judgebox1.rules) grant to group judgebox. */
#define GROUP_ACTIONS (AUTHORITY_RUN | AUTHORITY_MANAGE_BOX | AUTHORITY_INSPECT | AUTHORITY_BIND)

typedef struct PolkitCheck PolkitCheck;

typedef struct PolkitAuthority {
        Authority authority;
        sd_bus *bus; /* NULL: there has been none yet */
        gid_t group;
        bool no_pidfd; /* this polkitd does not take one */
        PolkitCheck *checks;
        Admission *turns;
} PolkitAuthority;

/* One request, of which one action after the other is asked about. */
struct PolkitCheck {
        PolkitAuthority *authority;
        sd_bus_slot *slot;
        AdmissionTicket turn;
        AuthorityAction left, asked; /* asked: the one in hand */
        bool probing; /* asking about ourselves, to learn whether pidfds are known */
        bool in_group;

        /* Copies: the caller's connection may close while polkitd thinks. */
        char *bus_name;
        int pidfd;
        uid_t uid;
        bool interactive;
        char **details; /* names and values by turns */

        authority_callback_t callback;
        void *userdata;
        PolkitCheck *prev, *next;
};

static PolkitCheck *check_free(PolkitCheck *c) {
        if (!c)
                return NULL;

        DL_DELETE(c->authority->checks, c);
        (void) sd_bus_slot_unref(c->slot);
        admission_leave(&c->turn);
        (void) safe_close(c->pidfd);
        free(c->bus_name);
        (void) strv_free(c->details);
        return mfree(c);
}
DEFINE_TRIVIAL_CLEANUP_FUNC(PolkitCheck *, check_free);

static void check_finish(PolkitCheck *check, AuthorityAction denied, int r) {
        authority_callback_t callback = check->callback;
        void *userdata = check->userdata;

        (void) check_free(check);
        callback(denied, r, userdata);
}

/* polkitd cannot be told who this is. */
static void check_finish_by_group(PolkitCheck *c) {
        AuthorityAction left = c->left;

        if (!c->in_group)
                check_finish(c, left, 0);
        else if (left & ~GROUP_ACTIONS)
                check_finish(c, left & ~GROUP_ACTIONS, AUTHORITY_ASK_BUS);
        else
                check_finish(c, 0, 0);
}

static int check_next(PolkitCheck *c);

/* How a polkitd before 124 says that it misses a pid; but a later one may say so of a process that has ended. */
static bool is_bad_subject(const sd_bus_error *e) {
        return sd_bus_error_has_names(e, SD_BUS_ERROR_INVALID_ARGS, SD_BUS_ERROR_FAILED,
                                      "org.freedesktop.PolicyKit1.Error.Failed");
}

/* The subject of this check was refused. Whether that is because of pidfds as such is not for a caller to decide (it
 * could end while it is asked about, and so have everybody decided by group): we ask about ourselves, who are alive. */
static int check_probe(PolkitCheck *c) {
        c->pidfd = safe_close(c->pidfd);
        c->pidfd = pidfd_open(getpid(), 0);
        if (c->pidfd < 0)
                return -errno;

        c->uid = getuid();
        c->probing = true;
        return check_next(c);
}

static int on_checked(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        PolkitCheck *c = ASSERT_PTR(userdata);
        const sd_bus_error *e;
        int authorized = 0, r;

        e = sd_bus_message_get_error(m);
        if (c->probing) {
                if (e && is_bad_subject(e)) {
                        log_debug("polkit takes no pidfd (%s): varlink callers are decided by group.", strna(e->message));
                        c->authority->no_pidfd = true;
                        check_finish_by_group(c);
                } else
                        check_finish(c, c->left, -ESRCH);
                return 0;
        }

        if (e) {
                if (!c->bus_name && is_bad_subject(e)) {
                        r = check_probe(c);
                        if (r < 0)
                                check_finish(c, c->left, r);
                        return 0;
                }

                log_warning("Failed to ask polkit: %s", strna(e->message));
                check_finish(c, c->left, sd_bus_is_open(c->authority->bus) > 0 ? -sd_bus_error_get_errno(e) : -ENOTCONN);
                return 0;
        }

        r = sd_bus_message_enter_container(m, 'r', "bba{ss}");
        if (r > 0)
                r = sd_bus_message_read_basic(m, 'b', &authorized);
        if (r <= 0) {
                log_warning("polkit sent an answer that cannot be read.");
                check_finish(c, c->left, -EBADMSG);
                return 0;
        }

        if (!authorized) {
                check_finish(c, c->asked, 0);
                return 0;
        }

        c->left &= ~c->asked;
        r = check_next(c);
        if (r < 0)
                check_finish(c, c->left, r);
        return 0;
}

static int append_subject(PolkitCheck *c, sd_bus_message *m) {
        if (c->bus_name)
                return sd_bus_message_append(m, "(sa{sv})", "system-bus-name", 1, "name", "s", c->bus_name);

        return sd_bus_message_append(m, "(sa{sv})", "unix-process", 2,
                                     "pidfd", "h", c->pidfd,
                                     "uid", "i", (int32_t) c->uid);
}

static int append_details(PolkitCheck *c, sd_bus_message *m) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{ss}");
        if (r < 0)
                return r;

        for (char **d = c->details; d && *d; d += 2) {
                r = sd_bus_message_append(m, "{ss}", d[0], d[1]);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(m);
}

/* Asks about the next action, or finishes if there is none left: then the check is gone. */
static int check_next(PolkitCheck *c) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        if (c->left == 0) {
                check_finish(c, 0, 0);
                return 0;
        }

        if (!c->authority->bus)
                return -ENOTCONN;

        c->asked = (AuthorityAction) (1U << __builtin_ctz((unsigned) c->left));
        c->slot = sd_bus_slot_unref(c->slot);

        r = sd_bus_message_new_method_call(c->authority->bus, &m, "org.freedesktop.PolicyKit1",
                                           "/org/freedesktop/PolicyKit1/Authority",
                                           "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");
        if (r < 0)
                return r;

        r = append_subject(c, m);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", authority_action_to_string(c->asked));
        if (r >= 0)
                r = append_details(c, m);
        if (r >= 0)
                r = sd_bus_message_append(m, "us", c->interactive ? CHECK_FLAG_ALLOW_USER_INTERACTION : 0U, "");
        if (r < 0)
                return r;

        return sd_bus_call_async(c->authority->bus, &c->slot, m, on_checked, c,
                                 c->interactive ? CHECK_INTERACTIVE_TIMEOUT_USEC : CHECK_TIMEOUT_USEC);
}

static void check_begin(PolkitCheck *c) {
        int r;

        r = check_next(c);
        if (r < 0)
                check_finish(c, c->left, r == -ECONNRESET ? -ENOTCONN : r);
}

static void on_turn(AdmissionTicket *t, void *userdata) {
        check_begin(ASSERT_PTR(userdata));
}

static int collect_details(const AuthorityDetails *d, char ***ret) {
        _cleanup_strv_free_ char **l = NULL;
        int r;

        r = strv_extend(&l, "verb");
        if (r >= 0)
                r = strv_extend(&l, d->verb);
        if (r >= 0)
                r = strv_extend(&l, "owner");
        if (r >= 0)
                r = strv_extendf(&l, "%u", d->owner);
        if (r >= 0 && d->box) {
                r = strv_extend(&l, "box");
                if (r >= 0)
                        r = strv_extend(&l, d->box);
        }

        if (r >= 0 && d->storage_bytes > 0) {
                r = strv_extend(&l, "storageBytes");
                if (r >= 0)
                        r = strv_extendf(&l, "%" PRIu64, d->storage_bytes);
        }

        for (LimitType t = 0; r >= 0 && d->limits && t < _LIMIT_TYPE_MAX; t++)
                if (limits_has(d->limits, t)) {
                        r = strv_extend(&l, limit_type_to_string(t));
                        if (r >= 0)
                                r = strv_extendf(&l, "%" PRIu64, d->limits->values[t]);
                }
        if (r < 0)
                return r;

        *ret = TAKE_PTR(l);
        return 0;
}

static bool caller_in_group(const Caller *caller, gid_t group) {
        if (group == (gid_t) -1)
                return false;
        if (caller->gid == group)
                return true;

        for (size_t i = 0; i < caller->n_groups; i++)
                if (caller->groups[i] == group)
                        return true;

        return false;
}

static int check_new(
                PolkitAuthority *a,
                const Caller *caller,
                AuthorityAction actions,
                const AuthorityDetails *details,
                authority_callback_t callback,
                void *userdata,
                PolkitCheck **ret) {

        _cleanup_(check_freep) PolkitCheck *c = NULL;
        int r;

        c = new(PolkitCheck, 1);
        if (!c)
                return -ENOMEM;

        *c = (PolkitCheck) {
                .authority = a,
                .left = actions,
                .in_group = caller_in_group(caller, a->group),
                .pidfd = -EBADF,
                .uid = caller->uid,
                .interactive = caller->interactive,
                .callback = callback,
                .userdata = userdata,
        };
        DL_APPEND(a->checks, c);

        r = free_and_strdup(&c->bus_name, caller->bus_name);
        if (r < 0)
                return r;

        if (caller->pidfd >= 0) {
                c->pidfd = fcntl(caller->pidfd, F_DUPFD_CLOEXEC, 3);
                if (c->pidfd < 0)
                        return -errno;
        }

        r = collect_details(details, &c->details);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(c);
        return 0;
}

static void authority_polkit_check(
                Authority *authority,
                const Caller *caller,
                AuthorityAction actions,
                const AuthorityDetails *details,
                authority_callback_t callback,
                void *userdata) {

        PolkitAuthority *a = (PolkitAuthority *) authority;
        PolkitCheck *c = NULL;
        int r;

        if (authority_is_own(caller)) {
                callback(0, 0, userdata);
                return;
        }

        r = check_new(a, caller, actions, details, callback, userdata, &c);
        if (r < 0) {
                callback(actions, r, userdata);
                return;
        }

        if (!c->bus_name && (c->pidfd < 0 || a->no_pidfd)) {
                check_finish_by_group(c);
                return;
        }

        r = admission_enter(a->turns, &(AdmissionWish) { .tenant = caller->uid, .max_running = ASKED_PER_UID_MAX },
                            now_usec(CLOCK_MONOTONIC), &c->turn, on_turn, c);
        if (r == 1)
                check_begin(c);
        else if (r < 0)
                check_finish(c, actions, r);
}

static void authority_polkit_set_bus(Authority *authority, sd_bus *bus) {
        PolkitAuthority *a = (PolkitAuthority *) authority;

        (void) sd_bus_unref(a->bus);
        a->bus = sd_bus_ref(bus);
}

/* Whoever waits for an answer is refused. */
static Authority *authority_polkit_free(Authority *authority) {
        PolkitAuthority *a = (PolkitAuthority *) authority;

        admission_hold(a->turns, true);
        while (a->checks)
                check_finish(a->checks, a->checks->left, -ECANCELED);

        a->turns = admission_free(a->turns);
        (void) sd_bus_unref(a->bus);
        return mfree(a);
}

static const AuthorityVTable authority_polkit_vtable = {
        .name = "polkit",
        .check = authority_polkit_check,
        .set_bus = authority_polkit_set_bus,
        .free = authority_polkit_free,
};

int authority_new_polkit(gid_t group, Authority **ret) {
        PolkitAuthority *a;
        Admission *turns;
        int r;

        assert(ret);

        r = admission_new(ASKED_MAX, SIZE_MAX, &turns);
        if (r < 0)
                return r;

        a = new(PolkitAuthority, 1);
        if (!a) {
                (void) admission_free(turns);
                return -ENOMEM;
        }

        *a = (PolkitAuthority) {
                .authority.vtable = &authority_polkit_vtable,
                .group = group,
                .turns = turns,
        };
        *ret = &a->authority;
        return 0;
}
