/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <stdlib.h>

#include "bus-service.h"
#include "test-util.h"

START_TEST(test_round_trip) {
        static const struct {
                uid_t owner;
                const char *id, *path;
        } cases[] = {
                { 0, "b", BUS_PATH_BOX "/u0_b" },
                { 1000, "my-box", BUS_PATH_BOX "/u1000_my_2dbox" },
                { 1000, "my_box", BUS_PATH_BOX "/u1000_my_5fbox" },
                { UINT32_MAX - 1, "0", BUS_PATH_BOX "/u4294967294_0" },
                { 7, "_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-",
                  BUS_PATH_BOX "/u7_" "_5f_2d_5f_2d_5f_2d_5f_2d_5f_2d_5f_2d_5f_2d_5f_2d"
                                      "_5f_2d_5f_2d_5f_2d_5f_2d_5f_2d_5f_2d_5f_2d_5f_2d" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *path = NULL;
                char id[BOX_ID_SIZE];
                uid_t owner;

                path = bus_path_of_box(cases[i].owner, cases[i].id);
                ck_assert_str_eq(path, cases[i].path);
                ck_assert(sd_bus_object_path_is_valid(path));
                ck_assert_int_eq(bus_path_to_box(path, &owner, id), 0);
                ck_assert_uint_eq(owner, cases[i].owner);
                ck_assert_str_eq(id, cases[i].id);
        }
}
END_TEST

START_TEST(test_no_such_path) {
        static const char *const paths[] = {
                "/",
                BUS_PATH,
                BUS_PATH_BOX,
                BUS_PATH_BOX "/",
                BUS_PATH_BOX "/u",
                BUS_PATH_BOX "/u5",
                BUS_PATH_BOX "/u5_",
                BUS_PATH_BOX "/u_b",
                BUS_PATH_BOX "/5_b",
                BUS_PATH_BOX "/u05_b",
                BUS_PATH_BOX "/u-5_b",
                BUS_PATH_BOX "/u+5_b",
                BUS_PATH_BOX "/u5x_b",
                BUS_PATH_BOX "/u4294967295_b",
                BUS_PATH_BOX "/u4294967301_b",
                BUS_PATH_BOX "/u99999999999999999999999999_b",
                BUS_PATH_BOX "/u5_a_2Db",
                BUS_PATH_BOX "/u5_a_2",
                BUS_PATH_BOX "/u5_a_",
                BUS_PATH_BOX "/u5_a__b",
                BUS_PATH_BOX "/u5_a_zz",
                BUS_PATH_BOX "/u5__62",
                BUS_PATH_BOX "/u5_a_00",
                BUS_PATH_BOX "/u5_a_2f",
                BUS_PATH_BOX "/u5_a_20",
                BUS_PATH_BOX "/u5_a_ff",
                BUS_PATH_BOX "/u5_a/b",
                BUS_PATH_BOX "/u5_a-b",
                BUS_PATH_BOX "/u5_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                BUS_PATH_BOX "/u5__2d_2d_2d_2d_2d_2d_2d_2d_2d_2d_2d_2d_2d_2d_2d_2d_2d_2d_2d_2d_2d_2d_2d_2d_2d_2d_2d"
                             "_2d_2d_2d_2d_2d_2d",
                "/org/judgebox2/box/u5_b",
                "x" BUS_PATH_BOX "/u5_b",
        };

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                char id[BOX_ID_SIZE];
                uid_t owner = 12345;

                ck_assert_msg(bus_path_to_box(paths[i], &owner, id) == -EINVAL, "%s is a box's path", paths[i]);
                ck_assert_uint_eq(owner, 12345);
        }
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_round_trip, test_no_such_path };

        return test_run("bus-path", tests, ELEMENTSOF(tests), NULL, NULL);
}
