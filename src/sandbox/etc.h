/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "spec.h"

/* What the box is called where the settings do not say. */
#define BOX_HOST_NAME_DEFAULT "box"

/* Fills the directory etc/ of the root to be. The host's /etc is read from our own root. */
int etc_setup(int root_fd, const BoxSettings *s, int image_fd);
