/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log-control.h"
#include "log.h"
#include "string-util.h"

/* Lines go where standard error does, which cannot be changed from here. */
static const char *log_target(void) {
        return log_is_journal() ? "journal" : "console";
}

static int property_get(
                sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error) {

        const char *value = streq(property, "LogLevel") ? log_level_to_string(log_get_max_level()) :
                streq(property, "LogTarget") ? log_target() : "judgeboxd";

        return sd_bus_message_append(reply, "s", value);
}

static int property_set(
                sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *value,
                void *userdata,
                sd_bus_error *error) {

        const char *s;
        int r;

        r = sd_bus_message_read_basic(value, 's', &s);
        if (r < 0)
                return r;

        if (streq(property, "LogLevel"))
                return log_set_max_level_from_string(s) >= 0 ? 0 :
                        sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "LogLevel: unknown level %s.", s);

        return streq(s, log_target()) ? 0 :
                sd_bus_error_setf(error, SD_BUS_ERROR_NOT_SUPPORTED, "LogTarget: it can only be %s.", log_target());
}

const sd_bus_vtable bus_log_control_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", property_get, property_set, 0, 0),
        SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", property_get, property_set, 0, 0),
        SD_BUS_PROPERTY("SyslogIdentifier", "s", property_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};
