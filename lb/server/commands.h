// What the command line can ask for beside serving. Each returns the exit code.
#pragma once
#include "server/options.h"

namespace weir::server {

int test_config(const CommandLine& line);  // -t, -T
int send_signal(const CommandLine& line);  // -s
int convert(const CommandLine& line);
int print_version(bool with_build);

}  // namespace weir::server
