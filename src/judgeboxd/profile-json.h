/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Profiles as org.judgebox.Manager's methods have them. */

#include <json-c/json.h>

#include "profile-store.h"

/* All of them, as a list of type Profile: also those that are broken, which say why. */
int profiles_to_json(ProfileStore *s, json_object **ret);

/* Adds what GetProfile answers. */
int profile_add_json(json_object *o, const StoredProfile *p);
