// Where configuration text comes from: the disk, or memory in tests and fuzzers.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir::config {

class FileSource {
 public:
  virtual ~FileSource() = default;
  // The error is text for the operator: `open() "x.conf" failed (2: No such file or directory)`.
  virtual Result<std::string> read(const std::string& path) = 0;
  // Sorted; empty when nothing matches.
  virtual std::vector<std::string> glob(const std::string& pattern) = 0;
  // One name for one file, whatever path leads to it.
  virtual std::string canonical(const std::string& path) = 0;
  // The IP addresses of a host as text, none when it is not found: where it has several, those of the families that
  // this machine has an address of. May block. localhost is loopback without asking (RFC 6761, 6.3).
  virtual std::vector<std::string> addresses_of(const std::string& host);
};

class DiskFiles : public FileSource {
 public:
  Result<std::string> read(const std::string& path) override;
  // The same where nobody waits for who may write into a pipe: only regular files.
  static Result<std::string> read_regular(const std::string& path);
  std::vector<std::string> glob(const std::string& pattern) override;
  std::string canonical(const std::string& path) override;
  std::vector<std::string> addresses_of(const std::string& host) override;
};

class MemoryFiles : public FileSource {
 public:
  explicit MemoryFiles(std::map<std::string, std::string> files) : files_(std::move(files)) {}
  Result<std::string> read(const std::string& path) override;
  std::vector<std::string> glob(const std::string& pattern) override;
  std::string canonical(const std::string& path) override { return path; }

 private:
  std::map<std::string, std::string> files_;
};

}  // namespace weir::config
