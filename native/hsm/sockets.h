/* Local sockets for JavaScript: see sockets.c. */
#pragma once

#include "arguments.h"

/* Adds its functions to `exports`, and returns that; NULL with an exception pending. */
napi_value sockets_export(napi_env env, napi_value exports);
