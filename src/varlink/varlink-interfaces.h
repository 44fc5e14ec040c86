/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The installed interface files, as text. */
extern const char varlink_interface_org_judgebox_Manager[];
