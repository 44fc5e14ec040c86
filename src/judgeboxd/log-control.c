/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log-control.h"
#include "log.h"
#include "string-util.h"

/* Lines go where standard error does, which cannot be changed from here. */
static const char *log_target(void) {
        return log_is_journal() ? "journal" : "console";
}

static int property_get_level(
                sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error) {

        return sd_bus_message_append(reply, "s", log_level_to_string(log_get_max_level()));
}

static int property_set_level(
                sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *value,
                void *userdata,
                sd_bus_error *error) {

        const char *level;
        int r;

        r = sd_bus_message_read_basic(value, 's', &level);
        if (r < 0)
                return r;

        r = log_set_max_level_from_string(level);
        if (r < 0)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "LogLevel: there is no level %s.", level);

        return 0;
}

static int property_get_target(
                sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error) {

        return sd_bus_message_append(reply, "s", log_target());
}

static int property_set_target(
                sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *value,
                void *userdata,
                sd_bus_error *error) {

        const char *target;
        int r;

        r = sd_bus_message_read_basic(value, 's', &target);
        if (r < 0)
                return r;

        if (!streq(target, log_target()))
                return sd_bus_error_setf(error, SD_BUS_ERROR_NOT_SUPPORTED, "LogTarget: it can only be %s.", log_target());

        return 0;
}

static int property_get_identifier(
                sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error) {

        return sd_bus_message_append(reply, "s", "judgeboxd");
}

const sd_bus_vtable bus_log_control_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", property_get_level, property_set_level, 0, 0),
        SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", property_get_target, property_set_target, 0, 0),
        SD_BUS_PROPERTY("SyslogIdentifier", "s", property_get_identifier, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};
