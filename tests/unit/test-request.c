/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "fd-util.h"
#include "json-build.h"
#include "landlock-abi.h"
#include "manager.h"
#include "reply-json.h"
#include "request.h"
#include "test-util.h"
#include "varlink-idl.h"
#include "varlink-interfaces.h"

/* Every bad field is refused with its name, whether the interface or the daemon's own check finds it; what is good
 * arrives as it was meant. */

enum {
        FD_READ,     /* /dev/null */
        FD_WRITE,    /* /dev/null */
        FD_PIPE_IN,  /* its reading end */
        FD_PIPE_OUT,
        FD_FILE,     /* a regular file, for reading */
        FD_DIR,      /* /, O_PATH */
        FD_STREAM,
        FD_DATAGRAM,
        FD_ZERO, /* /dev/zero, for writing */
        _FD_MAX,
};

static int fds[_FD_MAX];
static Manager manager;
static char *profiles[2];
static VarlinkIdl *idl;

static void setup(void) {
        int pair[2];

        fds[FD_READ] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        fds[FD_WRITE] = open("/dev/null", O_WRONLY | O_CLOEXEC);
        ck_assert_int_eq(pipe2(pair, O_CLOEXEC), 0);
        fds[FD_PIPE_IN] = pair[0];
        fds[FD_PIPE_OUT] = pair[1];
        fds[FD_FILE] = memfd_new_sealed("test", "x", 1);
        fds[FD_DIR] = open("/", O_PATH | O_CLOEXEC);
        fds[FD_STREAM] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        fds[FD_DATAGRAM] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        fds[FD_ZERO] = open("/dev/zero", O_WRONLY | O_CLOEXEC);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                ck_assert_int_ge(fds[i], 0);

        ck_assert_int_eq(host_cpus_read(&manager.cpus), 0);
        ck_assert_int_eq(config_new(&manager.config), 0);
        ck_assert_ptr_nonnull(getenv("JUDGEBOX_SOURCE_ROOT"));
        profiles[0] = strprintf("%s/profiles", getenv("JUDGEBOX_SOURCE_ROOT"));
        ck_assert_int_eq(profile_store_new(profiles, &manager.profiles), 0);
        ck_assert_int_eq(varlink_idl_parse(varlink_interface_org_judgebox_Manager, NULL, &idl), 0);
}

static void teardown(void) {
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = safe_close(fds[i]);
        idl = varlink_idl_free(idl);
        manager.config = config_free(manager.config);
        manager.profiles = profile_store_free(manager.profiles);
        profiles[0] = mfree(profiles[0]);
}

static int take_fd(int64_t index, void *userdata) {
        return index >= 0 && index < _FD_MAX ? TAKE_FD(fds[index]) : -EBADF;
}

static _noreturn_ void on_done(Operation *o, const Failure *failure, void *userdata) {
        ck_abort_msg("Nothing was started.");
}

/* The failure, with its type; 0 if there is none. */
static int parse(OperationType type, const char *json, uid_t uid, Operation **ret, Failure *f) {
        Caller caller = { .uid = uid, .pidfd = -EBADF };
        _cleanup_json_ json_object *o = NULL;
        _cleanup_free_ char *field = NULL;

        o = json_tokener_parse(json);
        ck_assert_msg(o, "%s", json);

        ck_assert_int_eq(operation_new(&manager, type, &caller, on_done, NULL, ret), 0);

        if (varlink_idl_check_parameters(varlink_idl_find_method(idl, operation_type_to_method(type)), o, &field) < 0)
                return failure_set(f, FAILURE_INVALID_PARAMETER, field);

        return request_parse(*ret, o, &(RequestFds) { .take = take_fd }, f);
}

static const struct {
        OperationType type;
        const char *json;
        FailureType failure;
        const char *field;
} bad_table[] = {
        /* paths */
        { OPERATION_RUN, "{'arguments':['a'],'allowedPaths':[{}]}", FAILURE_INVALID_PARAMETER, "allowedPaths[0].path" },
        { OPERATION_RUN, "{'arguments':['a'],'allowedPaths':[{'path':''}]}", FAILURE_INVALID_PARAMETER, "allowedPaths[0].path" },
        { OPERATION_RUN, "{'arguments':['a'],'allowedPaths':[{'path':'/'},{'path':'/a/../b'}]}", FAILURE_INVALID_PARAMETER,
          "allowedPaths[1].path" },
        { OPERATION_RUN, "{'arguments':['a'],'allowedPaths':[{'path':'/','delete':true}]}", FAILURE_INVALID_PARAMETER,
          "allowedPaths[0].delete" },
        { OPERATION_RUN, "{'arguments':['a'],'allowedPaths':[{'path':'/x'},{'path':'/usr/lib'},{'path':'/usr','read':true}]}",
          FAILURE_LIMIT_OUT_OF_RANGE, "allowedPaths[1]" },
        { OPERATION_CREATE, "{'settings':{'allowedPaths':[{'path':'..'}]}}", FAILURE_INVALID_PARAMETER,
          "settings.allowedPaths[0].path" },

        /* the profile */
        { OPERATION_CREATE, "{'settings':{'profile':'none-such'}}", FAILURE_INVALID_PARAMETER, "settings.profile" },
        { OPERATION_CREATE, "{'settings':{'profile':''}}", FAILURE_INVALID_PARAMETER, "settings.profile" },
        { OPERATION_RUN, "{'arguments':['a'],'profile':'none-such'}", FAILURE_INVALID_PARAMETER, "profile" },
        { OPERATION_RUN, "{'arguments':['a'],'profile':'../profiles/default'}", FAILURE_INVALID_PARAMETER, "profile" },
        { OPERATION_RUN, "{'arguments':['a'],'settings':{'profile':'x.y'}}", FAILURE_INVALID_PARAMETER, "settings.profile" },
        { OPERATION_GET_PROFILE, "{}", FAILURE_INVALID_PARAMETER, "profile" },

        /* the box */
        { OPERATION_CREATE, "{'box':''}", FAILURE_INVALID_PARAMETER, "box" },
        { OPERATION_CREATE, "{'box':'a/b'}", FAILURE_INVALID_PARAMETER, "box" },
        { OPERATION_CREATE, "{'box':'..'}", FAILURE_INVALID_PARAMETER, "box" },
        { OPERATION_CREATE, "{'box':'123456789012345678901234567890123'}", FAILURE_INVALID_PARAMETER, "box" },
        { OPERATION_CREATE, "{'box':1}", FAILURE_INVALID_PARAMETER, "box" },
        { OPERATION_CREATE, "{'bocks':'a'}", FAILURE_INVALID_PARAMETER, "bocks" },
        { OPERATION_DESTROY, "{}", FAILURE_INVALID_PARAMETER, "box" },
        { OPERATION_DESTROY, "{'box':'a','owner':-1}", FAILURE_INVALID_PARAMETER, "owner" },
        { OPERATION_DESTROY, "{'box':'a','owner':4294967295}", FAILURE_INVALID_PARAMETER, "owner" },
        { OPERATION_RUN, "{'arguments':['a'],'owner':1}", FAILURE_INVALID_PARAMETER, "owner" },

        /* settings */
        { OPERATION_CREATE, "{'settings':{'storageBytes':0}}", FAILURE_LIMIT_OUT_OF_RANGE, "settings.storageBytes" },
        { OPERATION_CREATE, "{'settings':{'storageBytes':-1}}", FAILURE_LIMIT_OUT_OF_RANGE, "settings.storageBytes" },
        { OPERATION_CREATE, "{'settings':{'inodes':1}}", FAILURE_LIMIT_OUT_OF_RANGE, "settings.inodes" },
        { OPERATION_CREATE, "{'settings':{'hostName':''}}", FAILURE_INVALID_PARAMETER, "settings.hostName" },
        { OPERATION_CREATE, "{'settings':{'hostName':'a b'}}", FAILURE_INVALID_PARAMETER, "settings.hostName" },
        { OPERATION_CREATE, "{'settings':{'hostName':'-a'}}", FAILURE_INVALID_PARAMETER, "settings.hostName" },
        { OPERATION_CREATE, "{'settings':{'domainName':'a/b'}}", FAILURE_INVALID_PARAMETER, "settings.domainName" },
        { OPERATION_CREATE, "{'settings':{'shareNetwork':1}}", FAILURE_INVALID_PARAMETER, "settings.shareNetwork" },
        { OPERATION_CREATE, "{'settings':{'limits':{'processes':0}}}", FAILURE_LIMIT_OUT_OF_RANGE,
          "settings.limits.processes" },
        { OPERATION_CREATE, "{'settings':{'limits':{'cpuSet':'x'}}}", FAILURE_INVALID_PARAMETER,
          "settings.limits.cpuSet" },
        { OPERATION_CREATE, "{'settings':{'limits':{'cpuSet':'8000'}}}", FAILURE_LIMIT_OUT_OF_RANGE,
          "settings.limits.cpuSet" },
        { OPERATION_CREATE, "{'settings':{'limits':{'cpuSet':'0,0'}}}", FAILURE_LIMIT_OUT_OF_RANGE,
          "settings.limits.cpuSet" },
        { OPERATION_CREATE, "{'settings':{'tmpfs':[{'path':'/x'},{'path':'y'}]}}", FAILURE_INVALID_PARAMETER,
          "settings.tmpfs[1].path" },
        { OPERATION_CREATE, "{'settings':{'tmpfs':[{'path':'/../x'}]}}", FAILURE_INVALID_PARAMETER,
          "settings.tmpfs[0].path" },
        { OPERATION_CREATE, "{'settings':{'tmpfs':[{'path':'//.'}]}}", FAILURE_INVALID_PARAMETER,
          "settings.tmpfs[0].path" },
        { OPERATION_CREATE, "{'settings':{'tmpfs':[{'path':'/proc/sys'}]}}", FAILURE_INVALID_PARAMETER,
          "settings.tmpfs[0].path" },
        { OPERATION_CREATE, "{'settings':{'binds':[{'sourceFileDescriptor':5,'path':'/dev/./net'}]}}",
          FAILURE_INVALID_PARAMETER, "settings.binds[0].path" },
        { OPERATION_CREATE, "{'settings':{'tmpfs':[{'path':'/x','sizeBytes':1}]}}", FAILURE_LIMIT_OUT_OF_RANGE,
          "settings.tmpfs[0].sizeBytes" },
        { OPERATION_CREATE, "{'settings':{'binds':[{'sourceFileDescriptor':9,'path':'/x'}]}}",
          FAILURE_INVALID_PARAMETER, "settings.binds[0].sourceFileDescriptor" },
        { OPERATION_CREATE,
          "{'settings':{'binds':[{'sourceFileDescriptor':5,'path':'/x'},{'sourceFileDescriptor':5,'path':'/y'}]}}",
          FAILURE_INVALID_PARAMETER, "settings.binds[1].sourceFileDescriptor" },
        { OPERATION_CREATE, "{'settings':{'binds':[{'sourceFileDescriptor':2,'path':'/x'}]}}",
          FAILURE_INVALID_PARAMETER, "settings.binds[0].sourceFileDescriptor" },
        { OPERATION_CREATE, "{'settings':{'binds':[{'sourceFileDescriptor':5,'path':'x'}]}}",
          FAILURE_INVALID_PARAMETER, "settings.binds[0].path" },
        { OPERATION_CREATE, "{'settings':{'binds':[{'sourceFileDescriptor':5,'path':'/x','writable':true}]}}",
          FAILURE_INVALID_PARAMETER, "settings.binds[0].sourceFileDescriptor" },
        { OPERATION_CREATE, "{'settings':{'directoryFileDescriptor':9}}", FAILURE_INVALID_PARAMETER,
          "settings.directoryFileDescriptor" },
        { OPERATION_CREATE, "{'settings':{'directoryFileDescriptor':5,'hostDirectory':true}}", FAILURE_INVALID_PARAMETER,
          "settings.directoryFileDescriptor" },
        { OPERATION_CREATE, "{'settings':{'directoryFileDescriptor':5,'directoryBytes':5}}", FAILURE_INVALID_PARAMETER,
          "settings.directoryBytes" },
        { OPERATION_CREATE, "{'settings':{'directoryInodes':5}}", FAILURE_INVALID_PARAMETER, "settings.directoryInodes" },
        { OPERATION_CREATE, "{'settings':{'hostDirectory':true,'directoryBytes':9223372036854775807}}",
          FAILURE_LIMIT_OUT_OF_RANGE, "settings.directoryBytes" },
        { OPERATION_CREATE, "{'settings':{'hostDirectory':true,'directoryInodes':4294967297}}",
          FAILURE_LIMIT_OUT_OF_RANGE, "settings.directoryInodes" },
        { OPERATION_RUN, "{'box':'a','arguments':['a'],'settings':{}}", FAILURE_INVALID_PARAMETER, "settings" },

        /* the program */
        { OPERATION_RUN, "{}", FAILURE_INVALID_PARAMETER, "arguments" },
        { OPERATION_RUN, "{'arguments':[]}", FAILURE_INVALID_PARAMETER, "arguments" },
        { OPERATION_RUN, "{'arguments':['']}", FAILURE_INVALID_PARAMETER, "arguments[0]" },
        { OPERATION_RUN, "{'arguments':['a',1]}", FAILURE_INVALID_PARAMETER, "arguments[1]" },
        { OPERATION_RUN, "{'arguments':['a'],'environment':['A=B','C']}", FAILURE_INVALID_PARAMETER,
          "environment[1]" },
        { OPERATION_RUN, "{'arguments':['a'],'environment':['=B']}", FAILURE_INVALID_PARAMETER, "environment[0]" },
        { OPERATION_RUN, "{'arguments':['a'],'environment':['A B=C']}", FAILURE_INVALID_PARAMETER,
          "environment[0]" },
        { OPERATION_RUN, "{'arguments':['a'],'workingDirectory':'../x'}", FAILURE_INVALID_PARAMETER,
          "workingDirectory" },
        { OPERATION_RUN, "{'arguments':['a'],'workingDirectory':''}", FAILURE_INVALID_PARAMETER,
          "workingDirectory" },

        /* streams */
        { OPERATION_RUN, "{'arguments':['a'],'stdin':{}}", FAILURE_INVALID_PARAMETER, "stdin" },
        { OPERATION_RUN, "{'arguments':['a'],'stdin':{'path':'x','fileDescriptor':0}}", FAILURE_INVALID_PARAMETER,
          "stdin" },
        { OPERATION_RUN, "{'arguments':['a'],'stdin':{'capture':true}}", FAILURE_INVALID_PARAMETER,
          "stdin.capture" },
        { OPERATION_RUN, "{'arguments':['a'],'stdin':{'path':'a/../../b'}}", FAILURE_INVALID_PARAMETER,
          "stdin.path" },
        { OPERATION_RUN, "{'arguments':['a'],'stdin':{'fileDescriptor':1}}", FAILURE_INVALID_PARAMETER,
          "stdin.fileDescriptor" },
        { OPERATION_RUN, "{'arguments':['a'],'stdin':{'fileDescriptor':5}}", FAILURE_INVALID_PARAMETER,
          "stdin.fileDescriptor" },
        { OPERATION_RUN, "{'arguments':['a'],'stdin':{'fileDescriptor':-1}}", FAILURE_INVALID_PARAMETER,
          "stdin.fileDescriptor" },
        { OPERATION_RUN, "{'arguments':['a'],'stdout':{'fileDescriptor':0}}", FAILURE_INVALID_PARAMETER,
          "stdout.fileDescriptor" },
        { OPERATION_RUN, "{'arguments':['a'],'stdout':{'fileDescriptor':7}}", FAILURE_INVALID_PARAMETER,
          "stdout.fileDescriptor" },
        { OPERATION_RUN, "{'arguments':['a'],'stdout':{'fileDescriptor':8}}", FAILURE_INVALID_PARAMETER,
          "stdout.fileDescriptor" },
        { OPERATION_RUN, "{'arguments':['a'],'stdout':{'capture':false}}", FAILURE_INVALID_PARAMETER, "stdout" },
        { OPERATION_RUN, "{'arguments':['a'],'stdout':{'capture':true,'path':'x'}}", FAILURE_INVALID_PARAMETER,
          "stdout" },
        { OPERATION_RUN, "{'arguments':['a'],'stderr':{'path':''}}", FAILURE_INVALID_PARAMETER, "stderr.path" },
        { OPERATION_RUN, "{'arguments':['a'],'stderr':{'path':'x'},'stderrToStdout':true}",
          FAILURE_INVALID_PARAMETER, "stderrToStdout" },
        { OPERATION_RUN, "{'arguments':['a'],'stdout':{'fileDescriptor':1},'stderr':{'fileDescriptor':1}}",
          FAILURE_INVALID_PARAMETER, "stderr.fileDescriptor" },

        /* other descriptors */
        { OPERATION_RUN, "{'arguments':['a'],'executableFileDescriptor':5}", FAILURE_INVALID_PARAMETER,
          "executableFileDescriptor" },
        { OPERATION_RUN, "{'arguments':['a'],'executableFileDescriptor':2}", FAILURE_INVALID_PARAMETER,
          "executableFileDescriptor" },
        { OPERATION_RUN, "{'arguments':['a'],'extraFileDescriptors':[{'fileDescriptor':0,'target':2}]}",
          FAILURE_INVALID_PARAMETER, "extraFileDescriptors[0].target" },
        { OPERATION_RUN, "{'arguments':['a'],'extraFileDescriptors':[{'fileDescriptor':0,'target':4294967299}]}",
          FAILURE_INVALID_PARAMETER, "extraFileDescriptors[0].target" },
        { OPERATION_RUN,
          "{'arguments':['a'],'extraFileDescriptors':[{'fileDescriptor':0,'target':3},{'fileDescriptor':1,'target':3}]}",
          FAILURE_INVALID_PARAMETER, "extraFileDescriptors[1].target" },
        { OPERATION_RUN, "{'arguments':['a'],'inFiles':[{'fileDescriptor':0,'path':'x'}]}",
          FAILURE_INVALID_PARAMETER, "inFiles[0].fileDescriptor" },
        { OPERATION_RUN, "{'arguments':['a'],'inFiles':[{'fileDescriptor':2,'path':'x'}]}",
          FAILURE_INVALID_PARAMETER, "inFiles[0].fileDescriptor" },
        { OPERATION_RUN, "{'arguments':['a'],'inFiles':[{'fileDescriptor':4,'path':'/box/../x'}]}",
          FAILURE_INVALID_PARAMETER, "inFiles[0].path" },
        { OPERATION_RUN, "{'arguments':['a'],'inFiles':[{'fileDescriptor':4}]}", FAILURE_INVALID_PARAMETER,
          "inFiles[0].path" },
        { OPERATION_RUN, "{'arguments':['a'],'inFiles':[{'fileDescriptor':4,'pathBase64':'YQBi'}]}",
          FAILURE_INVALID_PARAMETER, "inFiles[0].pathBase64" },
        { OPERATION_RUN, "{'arguments':['a'],'stdout':{'path':'a','pathBase64':'YQ=='}}", FAILURE_INVALID_PARAMETER,
          "stdout.pathBase64" },
        { OPERATION_RUN, "{'arguments':['a'],'outFiles':['x','../y']}", FAILURE_INVALID_PARAMETER, "outFiles[1]" },
        { OPERATION_RUN, "{'arguments':['a'],'outFiles':['x'],'outFilesBase64':['eA==','Li4vYQ==']}",
          FAILURE_INVALID_PARAMETER, "outFilesBase64[1]" },
        { OPERATION_RUN,
          "{'arguments':['a'],'outFiles':['1','2','3','4','5','6','7','8','9','10'],"
          "'outFilesBase64':['YQ==','YQ==','YQ==','YQ==','YQ==']}",
          FAILURE_INVALID_PARAMETER, "outFilesBase64" },
        { OPERATION_OPEN_FILE, "{'box':'b'}", FAILURE_INVALID_PARAMETER, "path" },
        { OPERATION_REMOVE_FILE, "{'box':'b'}", FAILURE_INVALID_PARAMETER, "path" },
        { OPERATION_MAKE_DIRECTORY, "{'box':'b'}", FAILURE_INVALID_PARAMETER, "path" },
        { OPERATION_OPEN_FILE, "{'box':'b','pathBase64':'/w='}", FAILURE_INVALID_PARAMETER, "pathBase64" },
        { OPERATION_OPEN_FILE, "{'box':'b','pathBase64':'Li4='}", FAILURE_INVALID_PARAMETER, "pathBase64" },
        { OPERATION_LIST_FILES, "{'box':'b','path':'a','pathBase64':'YQ=='}", FAILURE_INVALID_PARAMETER,
          "pathBase64" },
        { OPERATION_RUN,
          "{'arguments':['a'],'outFiles':['1','2','3','4','5','6','7','8','9','10','11','12','13','14','15']}",
          FAILURE_INVALID_PARAMETER, "outFiles" },

        /* limits */
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'cpuTimeUSec':0}}", FAILURE_LIMIT_OUT_OF_RANGE,
          "limits.cpuTimeUSec" },
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'extraTimeUSec':-1}}", FAILURE_LIMIT_OUT_OF_RANGE,
          "limits.extraTimeUSec" },
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'wallTimeUSec':9223372036854775807}}",
          FAILURE_LIMIT_OUT_OF_RANGE, "limits.wallTimeUSec" },
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'idleTimeUSec':1}}", FAILURE_LIMIT_OUT_OF_RANGE,
          "limits.idleTimeUSec" },
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'memoryBytes':1}}", FAILURE_LIMIT_OUT_OF_RANGE,
          "limits.memoryBytes" },
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'memoryBytes':'12x'}}", FAILURE_INVALID_PARAMETER,
          "limits.memoryBytes" },
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'memoryBytes':1.5}}", FAILURE_INVALID_PARAMETER,
          "limits.memoryBytes" },
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'processes':0}}", FAILURE_LIMIT_OUT_OF_RANGE,
          "limits.processes" },
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'stackBytes':1}}", FAILURE_LIMIT_OUT_OF_RANGE,
          "limits.stackBytes" },
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'fileSizeBytes':-5}}", FAILURE_LIMIT_OUT_OF_RANGE,
          "limits.fileSizeBytes" },
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'outputBytes':-5}}", FAILURE_LIMIT_OUT_OF_RANGE,
          "limits.outputBytes" },
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'openFiles':2}}", FAILURE_LIMIT_OUT_OF_RANGE,
          "limits.openFiles" },
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'coreBytes':-1}}", FAILURE_LIMIT_OUT_OF_RANGE,
          "limits.coreBytes" },
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'cpus':0}}", FAILURE_LIMIT_OUT_OF_RANGE, "limits.cpus" },
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'cpus':8192}}", FAILURE_LIMIT_OUT_OF_RANGE, "limits.cpus" },
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'addressSpaceBytes':1}}", FAILURE_LIMIT_OUT_OF_RANGE,
          "limits.addressSpaceBytes" },
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'cpuPercent':0}}", FAILURE_LIMIT_OUT_OF_RANGE, "limits.cpuPercent" },
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'cpuPercent':819200}}", FAILURE_LIMIT_OUT_OF_RANGE,
          "limits.cpuPercent" },
        { OPERATION_RUN, "{'arguments':['a'],'priority':11}", FAILURE_INVALID_PARAMETER, "priority" },
        { OPERATION_RUN, "{'arguments':['a'],'priority':-11}", FAILURE_INVALID_PARAMETER, "priority" },
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'cpuSet':''}}", FAILURE_INVALID_PARAMETER, "limits.cpuSet" },
        { OPERATION_RUN, "{'arguments':['a'],'limits':{'memory':1}}", FAILURE_INVALID_PARAMETER, "limits.memory" },

        /* the rest */
        { OPERATION_KILL, "{'box':'a','run':0}", FAILURE_INVALID_PARAMETER, "run" },
        { OPERATION_KILL, "{'box':'a','run':-1}", FAILURE_INVALID_PARAMETER, "run" },
        { OPERATION_OPEN_FILE, "{'box':'a'}", FAILURE_INVALID_PARAMETER, "path" },
        { OPERATION_OPEN_FILE, "{'box':'a','path':''}", FAILURE_INVALID_PARAMETER, "path" },
        { OPERATION_OPEN_FILE, "{'box':'a','path':'a/../b'}", FAILURE_INVALID_PARAMETER, "path" },
        { OPERATION_MAKE_DIRECTORY, "{'box':'a','path':'..'}", FAILURE_INVALID_PARAMETER, "path" },
        { OPERATION_LIST_FILES, "{'box':'a','path':'/..'}", FAILURE_INVALID_PARAMETER, "path" },
        { OPERATION_REMOVE_FILE, "{'box':'a','path':'..'}", FAILURE_INVALID_PARAMETER, "path" },
        { OPERATION_REMOVE_FILE, "{'box':'a','path':'x','recursive':'yes'}", FAILURE_INVALID_PARAMETER,
          "recursive" },
};

START_TEST(test_bad) {
        _cleanup_(operation_freep) Operation *o = NULL;
        _cleanup_(failure_done) Failure f = FAILURE_NULL;
        int r;

        r = parse(bad_table[_i].type, bad_table[_i].json, 1000, &o, &f);
        ck_assert_msg(r == (int) bad_table[_i].failure, "%s: %i", bad_table[_i].json, r);
        ck_assert_int_eq(f.type, bad_table[_i].failure);
        ck_assert_str_eq(f.name, bad_table[_i].field);
}
END_TEST

static Operation *parse_good(OperationType type, const char *json) {
        Failure f = FAILURE_NULL;
        Operation *o;
        int r;

        r = parse(type, json, 0, &o, &f);
        ck_assert_msg(r == 0, "%s: %i %s %s", json, r, strna(f.name), strna(f.message));
        return o;
}

START_TEST(test_run_request) {
        _cleanup_(operation_freep) Operation *o = NULL;
        const RunSpec *s;

        o = parse_good(OPERATION_RUN,
                       "{'box':'a-_Z9','owner':7,'arguments':['/bin/x','','y'],'environment':['A=','PATH=/x'],"
                       "'workingDirectory':'sub','stdin':{'fileDescriptor':2},'stdout':{'fileDescriptor':3},"
                       "'stderr':{'capture':true},'executableFileDescriptor':4,"
                       "'extraFileDescriptors':[{'fileDescriptor':0,'target':5}],"
                       "'limits':{'memoryBytes':'1048576','cpuTimeUSec':1,'coreBytes':0},'outFiles':['p','q']}");
        s = &o->request.spec;

        ck_assert_str_eq(o->box, "a-_Z9");
        ck_assert_uint_eq(o->owner, 7);
        ck_assert_uint_eq(strv_length(s->argv), 3);
        ck_assert_str_eq(s->argv[1], "");
        ck_assert_str_eq(s->working_directory, "sub");
        ck_assert_int_eq(s->streams[0].type, STREAM_FD);
        ck_assert_int_eq(s->streams[1].type, STREAM_FD);
        ck_assert_int_eq(s->streams[2].type, STREAM_CAPTURE);
        ck_assert_int_ge(s->exec_fd, 0);
        ck_assert_uint_eq(s->n_extra_fds, 1);
        ck_assert_int_eq(s->extra_targets[0], 5);
        ck_assert_uint_eq(o->request.n_out_files, 2);

        ck_assert(limits_has(&s->limits, LIMIT_MEMORY));
        ck_assert_uint_eq(s->limits.values[LIMIT_MEMORY], 1048576);
        ck_assert(limits_has(&s->limits, LIMIT_CORE));
        ck_assert(!limits_has(&s->limits, LIMIT_WALL_TIME));

        /* Defaults but for what was given. */
        ck_assert(strv_contains(s->environment, "PATH=/x"));
        ck_assert(strv_contains(s->environment, "HOME=/box"));
        ck_assert_uint_eq(strv_length(s->environment), 5);
}
END_TEST

START_TEST(test_run_minimal) {
        _cleanup_(operation_freep) Operation *o = NULL;

        o = parse_good(OPERATION_RUN, "{'arguments':['x'],'stdin':null,'limits':{},'box':null,'stderrToStdout':true}");

        ck_assert_ptr_null(o->box);
        ck_assert_uint_eq(o->owner, 0);
        ck_assert_int_eq(o->request.spec.streams[0].type, STREAM_NULL);
        ck_assert_int_eq(o->request.spec.streams[2].type, STREAM_STDOUT);
        ck_assert_uint_eq(o->request.spec.limits.set, 0);
        ck_assert_uint_eq(o->settings.storage_bytes, BOX_STORAGE_DEFAULT);
}
END_TEST

START_TEST(test_output_kinds) {
        static const int good[] = { FD_WRITE, FD_PIPE_OUT, FD_STREAM };
        _cleanup_(operation_freep) Operation *o = NULL;
        _cleanup_free_ char *json = NULL;

        json = strprintf("{'arguments':['x'],'stdout':{'fileDescriptor':%i}}", good[_i]);
        o = parse_good(OPERATION_RUN, json);
        ck_assert_int_ge(o->request.spec.streams[1].fd, 0);
}
END_TEST

START_TEST(test_in_files) {
        _cleanup_(operation_freep) Operation *o = NULL;

        o = parse_good(OPERATION_RUN,
                       "{'arguments':['x'],'inFiles':[{'fileDescriptor':4,'path':'/box/a','executable':true}]}");

        ck_assert_uint_eq(o->request.n_in_files, 1);
        ck_assert_str_eq(o->request.in_files[0].path, "/box/a");
        ck_assert(o->request.in_files[0].executable);
        ck_assert_int_ge(o->request.in_files[0].fd, 0);
}
END_TEST

START_TEST(test_settings) {
        _cleanup_(operation_freep) Operation *o = NULL;
        const BoxSettings *s;

        o = parse_good(OPERATION_CREATE,
                       "{'box':'b','settings':{'storageBytes':8192,'inodes':100,'hostName':'h','domainName':'d.example',"
                       "'shareNetwork':true,'keepTemporary':true,'denyTimestampCounter':true,'binds':[{'sourceFileDescriptor':5,'path':'/x/y','writable':true}],"
                       "'tmpfs':[{'path':'/t'},{'path':'/u','sizeBytes':4096}],'limits':{'cpus':1,'cpuSet':'0'}}}");
        s = &o->settings;

        ck_assert_uint_eq(s->storage_bytes, 8192);
        ck_assert_uint_eq(s->inodes, 100);
        ck_assert_str_eq(s->domain_name, "d.example");
        ck_assert(s->share_network);
        ck_assert(s->keep_temporary);
        ck_assert(s->deny_tsc);
        ck_assert_uint_eq(s->n_binds, 1);
        ck_assert(s->binds[0].writable);
        ck_assert(!s->binds[0].noexec);
        ck_assert_uint_eq(s->n_tmpfs, 2);
        ck_assert_uint_gt(s->tmpfs[0].bytes, 4096);
        ck_assert_uint_eq(s->tmpfs[1].bytes, 4096);
        ck_assert_str_eq(s->limits.cpu_set, "0");
}
END_TEST

START_TEST(test_files) {
        _cleanup_(operation_freep) Operation *a = NULL, *b = NULL, *c = NULL, *d = NULL;

        a = parse_good(OPERATION_OPEN_FILE, "{'box':'b','path':'x','create':true,'executable':true}");
        ck_assert_int_eq(a->flags, FILE_CREATE | FILE_EXECUTABLE);
        b = parse_good(OPERATION_LIST_FILES, "{'box':'b'}");
        ck_assert_str_eq(b->path, ".");
        ck_assert_int_eq(b->flags, 0);
        c = parse_good(OPERATION_REMOVE_FILE, "{'box':'b','path':'/tmp/x','recursive':true}");
        ck_assert_int_eq(c->flags, FILE_RECURSIVE);
        d = parse_good(OPERATION_KILL, "{'box':'b','run':3}");
        ck_assert(d->has_run_number);
        ck_assert_uint_eq(d->run_number, 3);
}
END_TEST

/* What is not for everyone has to be granted, whether for a run or for all of a box. */
START_TEST(test_allowed_paths) {
        _cleanup_(failure_done) Failure f = FAILURE_NULL;
        char many[(PATH_RULES_MAX + 1) * sizeof("{'path':'/'},") + 64], *p = many;
        Operation *op = NULL;

        if (landlock_get_abi() < LANDLOCK_ABI_REFER) {
                ck_assert_int_eq(parse(OPERATION_RUN, "{'arguments':['a'],'allowedPaths':[{'path':'/'}]}", 1000, &op, &f),
                                 FAILURE_NOT_SUPPORTED);
                ck_assert_ptr_nonnull(strstr(f.message, "allowedPaths"));
                operation_free(op);
                return;
        }

        ck_assert_int_eq(parse(OPERATION_RUN,
                               "{'arguments':['a'],'settings':{'allowedPaths':[{'path':'/usr','execute':true}]},"
                               "'allowedPaths':[{'path':'/usr','read':true},{'path':'x','write':true,'optional':true}]}",
                               1000, &op, &f), 0);
        ck_assert_uint_eq(op->settings.allowed_paths.n, 1);
        ck_assert_str_eq(op->settings.allowed_paths.rules[0].path, "/usr");
        ck_assert(op->settings.allowed_paths.rules[0].execute);
        ck_assert_uint_eq(op->request.spec.allowed_paths.n, 2);
        ck_assert(op->request.spec.allowed_paths.rules[0].read && !op->request.spec.allowed_paths.rules[0].optional);
        ck_assert(op->request.spec.allowed_paths.rules[1].write && op->request.spec.allowed_paths.rules[1].optional);
        operation_free(op);

        p = stpcpy(p, "{'arguments':['a'],'allowedPaths':[");
        for (size_t i = 0; i <= PATH_RULES_MAX; i++)
                p = stpcpy(p, i == 0 ? "{'path':'/'}" : ",{'path':'/'}");
        (void) stpcpy(p, "]}");
        ck_assert_int_eq(parse(OPERATION_RUN, many, 1000, &op, &f), FAILURE_INVALID_PARAMETER);
        ck_assert_str_eq(f.name, "allowedPaths");
        operation_free(op);
}
END_TEST

START_TEST(test_admin_profile) {
        static const struct {
                OperationType type;
                const char *json;
                bool admin;
        } cases[] = {
                { OPERATION_RUN, "{'arguments':['a']}", false },
                { OPERATION_RUN, "{'arguments':['a'],'profile':'strict'}", false },
                { OPERATION_RUN, "{'arguments':['a'],'profile':'none'}", true },
                { OPERATION_RUN, "{'arguments':['a'],'profile':'strict','settings':{'profile':'none'}}", true },
                { OPERATION_CREATE, "{'settings':{'profile':'none'}}", true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(operation_freep) Operation *op = NULL;
                _cleanup_(failure_done) Failure f = FAILURE_NULL;

                ck_assert_int_eq(parse(cases[i].type, cases[i].json, 1000, &op, &f), 0);
                ck_assert_msg(op->admin_profile == cases[i].admin, "%s", cases[i].json);
        }
}
END_TEST

START_TEST(test_many_arguments) {
        _cleanup_json_ json_object *o = json_object_new_object();
        json_object *arguments = json_object_new_array();
        _cleanup_(operation_freep) Operation *op = NULL;
        _cleanup_(failure_done) Failure f = FAILURE_NULL;
        int r = 0;

        for (unsigned i = 0; i < RUN_ARGUMENTS_MAX; i++)
                json_append(&r, arguments, json_object_new_string("x"));
        json_add(&r, o, "arguments", arguments);
        ck_assert_int_eq(r, 0);

        op = parse_good(OPERATION_RUN, json_object_to_json_string(o));
        ck_assert_uint_eq(strv_length(op->request.spec.argv), RUN_ARGUMENTS_MAX);
        op = operation_free(op);

        json_append(&r, arguments, json_object_new_string("x"));
        ck_assert_int_eq(parse(OPERATION_RUN, json_object_to_json_string(o), 0, &op, &f), FAILURE_INVALID_PARAMETER);
        ck_assert_str_eq(f.name, "arguments");
}
END_TEST

int main(void) {
        Suite *s = suite_create("request");
        TCase *t = tcase_create("request");

        tcase_add_checked_fixture(t, setup, teardown);
        tcase_add_loop_test(t, test_bad, 0, ELEMENTSOF(bad_table));
        tcase_add_test(t, test_run_request);
        tcase_add_test(t, test_run_minimal);
        tcase_add_loop_test(t, test_output_kinds, 0, 3);
        tcase_add_test(t, test_in_files);
        tcase_add_test(t, test_settings);
        tcase_add_test(t, test_files);
        tcase_add_test(t, test_allowed_paths);
        tcase_add_test(t, test_admin_profile);
        tcase_add_test(t, test_many_arguments);
        suite_add_tcase(s, t);

        return test_run_suite(s);
}
