// Files that root makes for another user, in directories that this user may write to: nothing there leads root
// elsewhere.
#pragma once
#include <sys/types.h>

#include <string>

#include "base/owned_fd.h"
#include "base/result.h"

namespace weir {

struct RootPlace {
  OwnedFd directory;  // O_PATH; none: it is not there
  std::string name;   // in that directory
};

enum class MissingParents : uint8_t { kLeft, kMade };  // 0755

// Where `path` lies. A symbolic link on the way is followed only if it is root's and lies in a directory of root's; its
// last part is not followed. Error: there is another link.
Result<RootPlace> find_root_place(const std::string& path, MissingParents parents = MissingParents::kLeft);

// Whether it is there, links followed, and that user's: nothing has to be given then.
bool belongs_to(const std::string& path, uid_t uid);

// Makes the directory, 0700, and gives it to the user. Nothing is done where it is there, or cannot be made: who uses
// it says so. Error: as above.
Status<> make_directory_for(const std::string& path, uid_t uid, gid_t gid, MissingParents parents);

}  // namespace weir
