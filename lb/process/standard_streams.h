// stdin, stdout and stderr of a command.
#pragma once

namespace weir::process {

// Opens /dev/null as each of the three that is closed: else the next file or socket that is opened would be it, and get
// what is printed. First of all.
void open_standard_streams();

// Whether stdout took everything that was printed. If not, stderr has said so.
bool is_all_printed();

}  // namespace weir::process
