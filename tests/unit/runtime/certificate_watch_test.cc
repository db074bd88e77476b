// Certificates are read again when their files change.
#include "runtime/certificate_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <ctime>
#include <fstream>
#include <future>
#include <utility>

#include "base/log.h"
#include "config/files.h"
#include "unit/temp_dir.h"
#include "unit/tls_certificates.h"

namespace weir::runtime {
namespace {

using weir::test::make_certificate;
using weir::test::TestCertificate;

class CertificateWatchTest : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    const std::string path = path_of(name);
    std::ofstream(path + ".new") << text;
    ASSERT_EQ(std::rename((path + ".new").c_str(), path.c_str()), 0);
  }
  std::string path_of(const std::string& name) { return dir_.path() + "/" + name; }
  void serve(io::TlsOptions options = {}) {
    options.certificates = {{path_of("a.pem"), path_of("a.key")}};
    io::TlsReport report;
    config::DiskFiles files;
    context_ = io::TlsContext::make(
        options, "a", [&files](const std::string& path) { return files.read(path); }, report);
    ASSERT_NE(context_, nullptr);
    auto model = std::make_shared<config::Model>();
    model->servers.resize(2);
    model->servers[1].tls_context = context_;
    model_ = std::move(model);
  }
  // One that is looked at; its serial number.
  std::string serve_certificate() {
    const TestCertificate certificate = make_certificate();
    write("a.pem", certificate.pem());
    write("a.key", certificate.key_pem());
    serve();
    look();
    return serial();
  }
  std::string serial() { return context_->certificates().at(0).serial; }
  void look() { look(watch_); }
  void look(CertificateWatch& watch) {
    watch.look(static_cast<int64_t>(std::time(nullptr)));
    while (watch.is_looking()) loop_.turn(true);
  }

  TempDir dir_;
  io::Loop loop_;
  std::shared_ptr<io::TlsContext> context_;
  std::shared_ptr<const config::Model> model_;
  int renewed_to_peers_ = 0;
  CertificateWatch watch_{loop_, [this] { return model_; }, [this] { ++renewed_to_peers_; }};
};

TEST_F(CertificateWatchTest, changed_certificate_is_used_once_its_key_fits) {
  const TestCertificate first = make_certificate();
  const TestCertificate second = make_certificate();
  write("a.pem", first.pem());
  write("a.key", first.key_pem());
  serve();
  look();
  const std::string before = serial();
  EXPECT_EQ(certificates_of(*model_).size(), 1U);
  write("a.pem", second.pem());
  look();
  EXPECT_EQ(serial(), before);
  write("a.key", second.key_pem());
  look();
  EXPECT_NE(serial(), before);
}

TEST_F(CertificateWatchTest, broken_or_missing_file_leaves_the_old_certificate) {
  const std::string before = serve_certificate();
  write("a.pem", "broken");
  look();
  EXPECT_EQ(serial(), before);
  ASSERT_EQ(std::remove(path_of("a.pem").c_str()), 0);
  look();
  EXPECT_EQ(serial(), before);
}

TEST_F(CertificateWatchTest, pipe_in_place_of_a_file_is_refused) {
  const std::string before = serve_certificate();
  ASSERT_EQ(::mkfifo(path_of("pipe").c_str(), 0600), 0);
  ASSERT_EQ(std::rename(path_of("pipe").c_str(), path_of("a.pem").c_str()), 0);
  testing::internal::CaptureStderr();
  look();
  log::flush();
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("is no regular file"));
  EXPECT_EQ(serial(), before);
}

TEST_F(CertificateWatchTest, hanging_disk_holds_up_neither_loop_nor_end) {
  struct Disk {
    std::promise<void> asked, answers, ended;
    bool hangs = true;  // the first time
  };
  const auto disk = std::make_shared<Disk>();
  const TestCertificate first = make_certificate();
  write("a.pem", first.pem());
  write("a.key", first.key_pem());
  serve();
  {
    CertificateWatch watch(
        loop_, [this] { return model_; }, [] {},
        [disk](const std::string&) -> Result<std::string> {
          if (!std::exchange(disk->hangs, false)) return Unexpected{std::string("too late")};
          disk->asked.set_value();
          disk->answers.get_future().wait();
          disk->ended.set_value();
          return Unexpected{std::string("too late")};
        },
        Millis(1));
    watch.look(static_cast<int64_t>(std::time(nullptr)));  // files this young are read
    disk->asked.get_future().wait();
    watch.look(static_cast<int64_t>(std::time(nullptr)));
    loop_.turn(false);
    EXPECT_TRUE(watch.is_looking());
  }
  disk->answers.set_value();
  disk->ended.get_future().wait();
}

class PeerCertificateWatchTest : public CertificateWatchTest {
 protected:
  void pass() {
    io::TlsPeerOptions options;
    options.certificate = {path_of("own.pem"), path_of("own.key")};
    options.password_file = path_of("own.pass");
    options.trusted_certificate = path_of("ca.pem");
    write("own.pass", "one\n");
    write("ca.pem", first_.pem());
    show(first_);
    io::TlsReport report;
    config::DiskFiles files;
    peers_ = io::TlsPeerContext::make(
        options, [&files](const std::string& path) { return files.read(path); }, report);
    ASSERT_NE(peers_, nullptr);
    auto model = std::make_shared<config::Model>();
    model->tls_to_peers = {peers_};
    model_ = std::move(model);
    look();
    renewed_to_peers_ = 0;  // files this young are read twice
  }
  void show(const TestCertificate& certificate) {
    write("own.pem", certificate.pem());
    write("own.key", certificate.key_pem());
  }
  std::string terms() { return io::TlsPeerContext::in_force(peers_)->terms(); }

  const TestCertificate first_ = make_certificate();
  const TestCertificate second_ = make_certificate();
  std::shared_ptr<io::TlsPeerContext> peers_;
};

TEST_F(PeerCertificateWatchTest, changed_certificate_is_shown_to_peers_once_its_key_fits) {
  pass();
  const std::string before = terms();
  const std::string serial = certificates_of(*model_).at(0).serial;
  write("own.pem", second_.pem());
  look();
  EXPECT_EQ(renewed_to_peers_, 0);
  EXPECT_EQ(terms(), before);
  write("own.key", second_.key_pem());
  look();
  EXPECT_EQ(renewed_to_peers_, 1);
  EXPECT_NE(terms(), before);
  EXPECT_EQ(peers_->terms(), before) << "who has the old one goes on with it";
  EXPECT_NE(certificates_of(*model_).at(0).serial, serial);
  look();
  EXPECT_EQ(renewed_to_peers_, 1);
}

TEST_F(PeerCertificateWatchTest, snapshot_that_was_not_built_is_asked_for_again) {
  pass();
  show(second_);
  look();
  EXPECT_EQ(renewed_to_peers_, 1);
  watch_.peers_not_told();
  look();
  EXPECT_EQ(renewed_to_peers_, 2);
  look();
  EXPECT_EQ(renewed_to_peers_, 2);
}

TEST_F(PeerCertificateWatchTest, changed_ca_of_peers_is_trusted_unless_broken) {
  pass();
  const std::string before = terms();
  write("ca.pem", "broken");
  look();
  ASSERT_EQ(std::remove(path_of("ca.pem").c_str()), 0);
  look();
  EXPECT_EQ(renewed_to_peers_, 0);
  EXPECT_EQ(terms(), before);
  write("ca.pem", second_.pem());
  look();
  EXPECT_EQ(renewed_to_peers_, 1);
  EXPECT_NE(terms(), before);
}

TEST_F(PeerCertificateWatchTest, file_written_anew_with_the_same_content_changes_nothing) {
  pass();
  const std::string before = terms();
  write("ca.pem", first_.pem());
  show(first_);
  look();
  EXPECT_EQ(renewed_to_peers_, 0);
  EXPECT_EQ(terms(), before);
}

TEST_F(CertificateWatchTest, key_is_used_once_its_new_passphrase_is_there) {
  const TestCertificate first = make_certificate();
  const TestCertificate second = make_certificate();
  write("a.pem", first.pem());
  write("a.key", first.encrypted_key_pem("one"));
  write("a.pass", "one\n");
  io::TlsOptions options;
  options.password_file = path_of("a.pass");
  serve(options);
  look();
  const std::string before = serial();
  write("a.pem", second.pem());
  write("a.key", second.encrypted_key_pem("two"));
  look();
  EXPECT_EQ(serial(), before);
  write("a.pass", "two\n");
  look();
  EXPECT_NE(serial(), before);
}

TEST_F(CertificateWatchTest, change_before_the_first_look_is_seen) {
  const TestCertificate first = make_certificate();
  const TestCertificate second = make_certificate();
  write("a.pem", first.pem());
  write("a.key", first.key_pem());
  serve();
  const std::string before = serial();
  write("a.pem", second.pem());
  write("a.key", second.key_pem());
  look();
  EXPECT_NE(serial(), before);
}

}  // namespace
}  // namespace weir::runtime
