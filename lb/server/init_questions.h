// What `weir init` asks on a terminal when its command line says nothing: three lines at most.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "process/options.h"

namespace weir::server {

// A question, and the line that is typed to it; nullopt: nothing more comes.
using AskLine = std::function<std::optional<std::string>(const std::string& question)>;

// What was typed, as if it stood on the command line. What cannot be taken is asked again, three times at most. The
// error is for the operator.
Result<process::InitLine> ask_for_init(const AskLine& ask);

// By standard error and standard input; empty where one of them is no terminal.
AskLine terminal();

}  // namespace weir::server
