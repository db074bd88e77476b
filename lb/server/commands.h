// What the command line can ask for beside serving. Each returns the exit code.
#pragma once
#include "process/options.h"

namespace weir::server {

int test_config(const process::CommandLine& line);  // -t, -T
int convert(const process::CommandLine& line);
int explain(const process::CommandLine& line);
int manual(const process::CommandLine& line);
int init(const process::CommandLine& line);
int print_version(bool with_build);

}  // namespace weir::server
