#include "capture/capture_file.h"

#include <fcntl.h>
#include <pcap/pcap.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>

#include "capture/decap.h"
#include "capture/input_file.h"
#include "capture/pcapng.h"

namespace rpcmarshal {

struct CaptureFile::Impl {
  std::string path;
  std::string shown;  ///< path as messages name it
  std::unique_ptr<InputFile> input;
  std::unique_ptr<PcapngReader> blocks;      ///< pcapng; else pcap is set
  std::map<int, std::uint64_t> passed_over;  ///< packets by a link type that is not supported
  pcap_t* pcap = nullptr;
  FILE* stream = nullptr;  ///< closed with pcap
  int link_type = 1;
  std::int64_t size = -1;
  std::uint64_t packets = 0;
  std::string error;
  bool ended = false;

  ~Impl() {
    if (pcap) pcap_close(pcap);  // closes the FILE; `input` is freed after it
  }
};

namespace {

constexpr std::size_t kStreamBuffer = 256u << 10;

// libpcap reads from a FILE; this one reads from the InputFile.
FILE* open_stream(InputFile* input) {
  cookie_io_functions_t functions{};
  functions.read = [](void* cookie, char* to, std::size_t size) -> ssize_t {
    return static_cast<ssize_t>(
        static_cast<InputFile*>(cookie)->read(reinterpret_cast<std::byte*>(to), size));
  };
  FILE* stream = fopencookie(input, "rb", functions);
  if (stream) std::setvbuf(stream, nullptr, _IOFBF, kStreamBuffer);
  return stream;
}

// How far libpcap got, which is where a message says the damage is: what the stream took from the
// InputFile less what still waits in its buffer (glibc's FILE, as fopencookie is glibc's).
std::uint64_t consumed(const InputFile& input, const FILE* stream) {
  return input.position() - static_cast<std::uint64_t>(stream->_IO_read_end - stream->_IO_read_ptr);
}

std::string link_type_name(int link_type) {
  const char* name = pcap_datalink_val_to_name(link_type);
  return name ? std::string(name) : std::to_string(link_type);
}

// What a file that is no capture seems to be, to say so.
std::string guess(Bytes start) {
  std::string_view text = as_text(start);
  if (start.empty()) return "the file is empty";
  if (text.starts_with("\x28\xb5\x2f\xfd")) return "it is packed with zstd: unpack it first";
  if (text.starts_with(std::string_view("\xfd"
                                        "7zXZ",
                                        5)))
    return "it is packed with xz: unpack it first";
  if (text.starts_with("BZh")) return "it is packed with bzip2: unpack it first";
  if (text.starts_with("PK\x03\x04")) return "it is a zip archive: unpack it first";
  if (text.starts_with("ElfFile")) return "it is a Windows event log, not a packet capture";
  return "it is neither pcap nor pcapng";
}

}  // namespace

CaptureFile::Opened CaptureFile::open(const std::string& path) {
  const auto failed = [&](const std::string& why) {
    return Opened{nullptr, (path == "-" ? "standard input" : path) + ": " + why};
  };
  int descriptor = STDIN_FILENO;
  if (path != "-") {
    descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return failed(std::string("cannot be opened: ") + std::strerror(errno));
  }
  struct stat status {};
  if (::fstat(descriptor, &status) == 0) {
    if (S_ISDIR(status.st_mode)) {
      if (descriptor != STDIN_FILENO) ::close(descriptor);
      return failed("is a folder, not a capture");
    }
  }
  const bool sized = S_ISREG(status.st_mode);
  Opened out = open(std::make_unique<InputFile>(descriptor), path);
  if (out.file && sized) out.file->impl_->size = status.st_size;
  return out;
}

CaptureFile::Opened CaptureFile::open(std::unique_ptr<InputFile> file, const std::string& path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->shown = path == "-" ? "standard input" : path;
  auto failed = [&](const std::string& why) { return Opened{nullptr, impl->shown + ": " + why}; };
  impl->input = std::move(file);
  Bytes start = impl->input->peek(16);
  std::string hint = guess(start);
  if (PcapngReader::recognises(start)) {
    impl->blocks = std::make_unique<PcapngReader>(*impl->input);
    return {std::unique_ptr<CaptureFile>(new CaptureFile(std::move(impl))), ""};
  }
  FILE* stream = open_stream(impl->input.get());
  if (!stream) return failed("cannot be read: out of memory");
  impl->stream = stream;
  char message[PCAP_ERRBUF_SIZE] = "";
  impl->pcap =
      pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, message);
  if (!impl->pcap) {
    std::fclose(stream);
    const std::string& input_error = impl->input->error();
    if (!input_error.empty()) return failed("cannot be read: " + input_error);
    std::string_view text = message;
    bool unknown = text.find("unknown file format") != text.npos;
    bool too_short = impl->input->position() < 24 && text.find("truncated") != text.npos;
    if (unknown || too_short) return failed("not a capture: " + hint);
    return failed("not a readable capture: " + std::string(text));
  }
  impl->link_type = pcap_datalink(impl->pcap);
  if (!Decapsulator::supports(impl->link_type)) {
    return failed("link type " + link_type_name(impl->link_type) + " is not supported");
  }
  return {std::unique_ptr<CaptureFile>(new CaptureFile(std::move(impl))), ""};
}

CaptureFile::CaptureFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CaptureFile::~CaptureFile() = default;

bool CaptureFile::next(RawPacket& packet) {
  Impl& s = *impl_;
  if (s.ended) return false;
  if (s.blocks) return next_block(packet);
  std::uint64_t record_start = consumed(*s.input, s.stream);
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  int result = pcap_next_ex(s.pcap, &header, &data);
  if (result == 1) {
    packet.time = static_cast<Timestamp>(header->ts.tv_sec) * 1'000'000'000 + header->ts.tv_usec;
    packet.data = {reinterpret_cast<const std::byte*>(data), header->caplen};
    packet.original_length = header->len;
    packet.link_type = s.link_type;
    ++s.packets;
    return true;
  }
  s.ended = true;
  const std::string& input_error = s.input->error();
  if (result == PCAP_ERROR_BREAK && input_error.empty()) return false;  // the clean end
  std::string why = !input_error.empty() ? input_error : pcap_geterr(s.pcap);
  s.error = s.shown + ": damaged at byte " + std::to_string(record_start) + ": " + why +
            ": everything before it was read (" + std::to_string(s.packets) + " packets)";
  return false;
}

/// next() of a pcapng file. Packets of an interface whose link type is not supported are passed
/// over, and the error says so.
bool CaptureFile::next_block(RawPacket& packet) {
  Impl& s = *impl_;
  PcapngReader::Result result;
  while ((result = s.blocks->next(packet)) == PcapngReader::Result::kPacket) {
    if (Decapsulator::supports(packet.link_type)) {
      ++s.packets;
      return true;
    }
    ++s.passed_over[packet.link_type];
  }
  s.ended = true;
  if (result == PcapngReader::Result::kDamaged) {
    const std::string& input_error = s.input->error();
    s.error = s.shown + ": damaged at byte " + std::to_string(s.blocks->block_start()) + ": " +
              (input_error.empty() ? std::string(s.blocks->reason()) : input_error) +
              ": everything before it was read (" + std::to_string(s.packets) + " packets)";
    return false;
  }
  for (const auto& [link_type, count] : s.passed_over) {
    s.error += s.error.empty() ? s.shown + ": " : ", ";
    s.error += std::to_string(count) + (count == 1 ? " packet" : " packets") + " of link type " +
               link_type_name(link_type);
  }
  if (!s.error.empty()) {
    s.error += " passed over, which is not supported: all others were read (" +
               std::to_string(s.packets) + " packets)";
  }
  return false;
}

const std::string& CaptureFile::error() const { return impl_->error; }
std::uint64_t CaptureFile::packets() const { return impl_->packets; }
CaptureDrops CaptureFile::drops() const {
  return impl_->blocks ? impl_->blocks->drops() : CaptureDrops{};
}
const std::string& CaptureFile::path() const { return impl_->path; }
CaptureFile::Progress CaptureFile::progress() const {
  return {impl_->input->stored_position(), impl_->size};
}

}  // namespace rpcmarshal
