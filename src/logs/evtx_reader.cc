#include "logs/evtx_reader.h"

#include <libevtx.h>

#include "logs/event_xml.h"

namespace rpcmarshal::logs {
namespace {

constexpr std::size_t kMaxXml = 16u << 20;

/// libevtx's explanation of a failure, and its release.
class EvtxError {
 public:
  ~EvtxError() { clear(); }
  libevtx_error_t** out() {
    clear();
    return &error_;
  }
  std::string text() const {
    char buffer[512];
    if (error_ == nullptr || libevtx_error_sprint(error_, buffer, sizeof buffer) < 0)
      return "unknown reason";
    return buffer;
  }

 private:
  void clear() {
    if (error_ != nullptr) libevtx_error_free(&error_);
  }
  libevtx_error_t* error_ = nullptr;
};

class EvtxReader : public LogReader {
 public:
  explicit EvtxReader(const sigma::FieldIndex& index) : LogReader(index) {}
  ~EvtxReader() override {
    if (file_ == nullptr) return;
    libevtx_file_close(file_, nullptr);
    libevtx_file_free(&file_, nullptr);
  }

  bool open(const std::string& path, std::string& error) {
    EvtxError e;
    if (libevtx_file_initialize(&file_, e.out()) != 1 ||
        libevtx_file_open(file_, path.c_str(), LIBEVTX_OPEN_READ, e.out()) != 1 ||
        libevtx_file_get_number_of_records(file_, &records_, e.out()) != 1) {
      error = "cannot be read as an event log: " + e.text();
      return false;
    }
    return true;
  }

  bool next() override {
    while (at_ < records_) {
      const int index = at_++;
      if (!read(index)) continue;
      document_.fill(index_, fields_, expect_all_);
      return true;
    }
    return false;
  }
  void fill_all() override { document_.fill(index_, fields_, true); }
  void append_json(std::string& out) override { document_.append_json(out); }

 private:
  bool read(int index) {
    EvtxError e;
    libevtx_record_t* record = nullptr;
    std::size_t size = 0;
    bool good = libevtx_file_get_record_by_index(file_, index, &record, e.out()) == 1 &&
                libevtx_record_get_utf8_xml_string_size(record, &size, e.out()) == 1;
    if (good && size > kMaxXml) {
      skip("record " + std::to_string(index) + " is larger than 16 MB");
      libevtx_record_free(&record, nullptr);
      return false;
    }
    if (good) {
      xml_.resize(size);
      good =
          size > 0 && libevtx_record_get_utf8_xml_string(
                          record, reinterpret_cast<std::uint8_t*>(xml_.data()), size, e.out()) == 1;
    }
    if (record != nullptr) libevtx_record_free(&record, nullptr);
    if (!good) {
      skip("record " + std::to_string(index) + " cannot be read: " + e.text());
      return false;
    }
    json_.clear();
    if (!event_xml_to_json(xml_, json_)) {
      skip("record " + std::to_string(index) + " is not valid XML");
      return false;
    }
    json_.append(JsonDocument::kPadding, ' ');
    if (!document_.parse(
            std::string_view(json_).substr(0, json_.size() - JsonDocument::kPadding))) {
      skip("record " + std::to_string(index) + " cannot be read: " + document_.error());
      return false;
    }
    return true;
  }

  libevtx_file_t* file_ = nullptr;
  int records_ = 0, at_ = 0;
  std::string xml_, json_;
  JsonDocument document_;
};

}  // namespace

std::unique_ptr<LogReader> open_evtx(const std::string& path, const sigma::FieldIndex& index,
                                     std::string& error) {
  auto reader = std::make_unique<EvtxReader>(index);
  if (!reader->open(path, error)) return nullptr;
  return reader;
}

}  // namespace rpcmarshal::logs
