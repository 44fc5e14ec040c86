/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "string-util.h"
#include "varlink-internal.h"

/* As the varlink specification has it; comments are ours. */
const char varlink_interface_org_varlink_service[] =
        "# What every varlink service can say about itself.\n"
        "interface org.varlink.service\n"
        "\n"
        "# Who made this service, which it is, and what interfaces it has.\n"
        "method GetInfo() -> (\n"
        "        vendor: string,\n"
        "        product: string,\n"
        "        version: string,\n"
        "        url: string,\n"
        "        interfaces: []string\n"
        ")\n"
        "\n"
        "# The definition of one of its interfaces, as text.\n"
        "method GetInterfaceDescription(interface: string) -> (description: string)\n"
        "\n"
        "# The service has no such interface.\n"
        "error InterfaceNotFound(interface: string)\n"
        "# The interface has no such method.\n"
        "error MethodNotFound(method: string)\n"
        "# The interface has the method, the service has not.\n"
        "error MethodNotImplemented(method: string)\n"
        "# A parameter is unknown, missing, of the wrong type or out of range.\n"
        "error InvalidParameter(parameter: string)\n"
        "# The caller may not do this.\n"
        "error PermissionDenied()\n"
        "# The method has more than one reply, which the caller must ask for.\n"
        "error ExpectedMore()\n";

/* Adds a string, or fails where json-c would add a null. */
static int add_string(json_object *o, const char *key, const char *value) {
        json_object *v;

        v = json_object_new_string(value);
        if (!v)
                return -ENOMEM;

        if (json_object_object_add(o, key, v) < 0) {
                json_object_put(v);
                return -ENOMEM;
        }

        return 0;
}

static int add_info(VarlinkServer *s, json_object *o) {
        json_object *interfaces;
        int r;

        r = add_string(o, "vendor", s->vendor);
        if (r < 0)
                return r;
        r = add_string(o, "product", s->product);
        if (r < 0)
                return r;
        r = add_string(o, "version", s->version);
        if (r < 0)
                return r;
        r = add_string(o, "url", s->url);
        if (r < 0)
                return r;

        interfaces = json_object_new_array_ext((int) s->n_interfaces);
        if (!interfaces)
                return -ENOMEM;
        if (json_object_object_add(o, "interfaces", interfaces) < 0) {
                json_object_put(interfaces);
                return -ENOMEM;
        }

        for (size_t i = 0; i < s->n_interfaces; i++) {
                json_object *name;

                name = json_object_new_string(varlink_idl_get_name(s->interfaces[i].idl));
                if (!name)
                        return -ENOMEM;
                if (json_object_array_add(interfaces, name) < 0) {
                        json_object_put(name);
                        return -ENOMEM;
                }
        }

        return 0;
}

static int method_get_info(VarlinkCall *call, json_object *parameters, void *userdata) {
        VarlinkServer *s = ASSERT_PTR(userdata);
        json_object *o;
        int r;

        o = json_object_new_object();
        if (!o)
                return -ENOMEM;

        r = add_info(s, o);
        if (r < 0) {
                json_object_put(o);
                return r;
        }

        return varlink_call_reply(call, o);
}

static int method_get_interface_description(VarlinkCall *call, json_object *parameters, void *userdata) {
        VarlinkServer *s = ASSERT_PTR(userdata);
        const VarlinkInterface *i;
        const char *name;
        json_object *o;
        int r;

        name = json_object_get_string(json_object_object_get(parameters, "interface"));
        i = varlink_server_find_interface(s, name, strlen(name));

        o = json_object_new_object();
        if (!o)
                return -ENOMEM;

        r = i ? add_string(o, "description", varlink_idl_get_text(i->idl)) : add_string(o, "interface", name);
        if (r < 0) {
                json_object_put(o);
                return r;
        }

        return i ? varlink_call_reply(call, o) : varlink_call_error(call, VARLINK_ERROR_INTERFACE_NOT_FOUND, o);
}

int varlink_server_add_service_interface(VarlinkServer *s) {
        int r;

        r = varlink_server_add_interface(s, varlink_interface_org_varlink_service);
        if (r < 0)
                return r;

        r = varlink_server_bind_method(s, "org.varlink.service.GetInfo", method_get_info, s);
        if (r < 0)
                return r;

        return varlink_server_bind_method(
                        s, "org.varlink.service.GetInterfaceDescription", method_get_interface_description, s);
}
