#include "logs/sources.h"

#include <array>

#include "base/unicode.h"

namespace rpcmarshal::logs {
namespace {

using sigma::LogSource;

struct Channel {
  std::string_view channel, service;
};
// The log sources of the Sigma rule repository, by the channel Windows writes them to.
constexpr std::array kChannels = {
    Channel{"Security", "security"},
    Channel{"System", "system"},
    Channel{"Application", "application"},
    Channel{"Microsoft-Windows-Sysmon/Operational", "sysmon"},
    Channel{"Microsoft-Windows-PowerShell/Operational", "powershell"},
    Channel{"PowerShellCore/Operational", "powershell"},
    Channel{"Windows PowerShell", "powershell-classic"},
    Channel{"Microsoft-Windows-TaskScheduler/Operational", "taskscheduler"},
    Channel{"Microsoft-Windows-WMI-Activity/Operational", "wmi"},
    Channel{"Microsoft-Windows-Windows Defender/Operational", "windefend"},
    Channel{"DNS Server", "dns-server"},
    Channel{"Microsoft-Windows-DNS-Server/Audit", "dns-server-audit"},
    Channel{"Microsoft-Windows-DNS-Server/Analytical", "dns-server-analytic"},
    Channel{"Microsoft-Windows-DNS Client Events/Operational", "dns-client"},
    Channel{"Microsoft-Windows-DriverFrameworks-UserMode/Operational", "driver-framework"},
    Channel{"Microsoft-Windows-NTLM/Operational", "ntlm"},
    Channel{"Microsoft-Windows-DHCP-Server/Operational", "dhcp"},
    Channel{"Microsoft-Windows-AppLocker/MSI and Script", "applocker"},
    Channel{"Microsoft-Windows-AppLocker/EXE and DLL", "applocker"},
    Channel{"Microsoft-Windows-AppLocker/Packaged app-Deployment", "applocker"},
    Channel{"Microsoft-Windows-AppLocker/Packaged app-Execution", "applocker"},
    Channel{"MSExchange Management", "msexchange-management"},
    Channel{"Microsoft-ServiceBus-Client", "microsoft-servicebus-client"},
    Channel{"Microsoft-ServiceBus-Client/Admin", "microsoft-servicebus-client"},
    Channel{"Microsoft-ServiceBus-Client/Operational", "microsoft-servicebus-client"},
    Channel{"Microsoft-Windows-PrintService/Admin", "printservice-admin"},
    Channel{"Microsoft-Windows-PrintService/Operational", "printservice-operational"},
    Channel{"Microsoft-Windows-SmbClient/Security", "smbclient-security"},
    Channel{"Microsoft-Windows-SmbClient/Connectivity", "smbclient-connectivity"},
    Channel{"Microsoft-Windows-SMBServer/Connectivity", "smbserver-connectivity"},
    Channel{"Microsoft-Windows-CodeIntegrity/Operational", "codeintegrity-operational"},
    Channel{"Microsoft-Windows-Windows Firewall With Advanced Security/Firewall", "firewall-as"},
    Channel{"Microsoft-Windows-Bits-Client/Operational", "bits-client"},
    Channel{"Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
            "terminalservices-localsessionmanager"},
    Channel{"Microsoft-Windows-LDAP-Client/Debug", "ldap"},
    Channel{"OpenSSH/Operational", "openssh"},
    Channel{"Microsoft-Windows-Security-Mitigations/Kernel Mode", "security-mitigations"},
    Channel{"Microsoft-Windows-Security-Mitigations/User Mode", "security-mitigations"},
    Channel{"Microsoft-Windows-Security-Mitigations/KernelMode", "security-mitigations"},
    Channel{"Microsoft-Windows-Security-Mitigations/UserMode", "security-mitigations"},
    Channel{"Microsoft-Windows-VHDMP-Operational", "vhdmp"},
    Channel{"Microsoft-Windows-AppXDeploymentServer/Operational", "appxdeployment-server"},
    Channel{"Microsoft-Windows-AppxPackaging/Operational", "appxpackaging-om"},
    Channel{"Microsoft-Windows-AppModel-Runtime/Admin", "appmodel-runtime"},
    Channel{"Microsoft-Windows-LSA/Operational", "lsa-server"},
    Channel{"Microsoft-Windows-Diagnosis-Scripted/Operational", "diagnosis-scripted"},
    Channel{"Microsoft-Windows-Shell-Core/Operational", "shell-core"},
    Channel{"Microsoft-Windows-CAPI2/Operational", "capi2"},
    Channel{"Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational",
            "certificateservicesclient-lifecycle-system"},
    Channel{"Microsoft-IIS-Configuration/Operational", "iis-configuration"},
    Channel{"Microsoft-IIS-Configuration/Administrative", "iis-configuration"},
    Channel{"Microsoft-Windows-RPC/Debug", "rpc"},
    Channel{"Microsoft-Windows-RPC/EEInfo", "rpc"},
};

struct Recorded {
  std::string_view channel, event_id, category;
};
constexpr std::string_view kSysmon = "Microsoft-Windows-Sysmon/Operational";
constexpr std::string_view kPowerShell = "Microsoft-Windows-PowerShell/Operational";
constexpr std::string_view kPowerShellCore = "PowerShellCore/Operational";
constexpr std::string_view kPowerShellClassic = "Windows PowerShell";
constexpr std::array kRecorded = {
    Recorded{kSysmon, "1", "process_creation"},
    Recorded{kSysmon, "2", "file_change"},
    Recorded{kSysmon, "3", "network_connection"},
    Recorded{kSysmon, "4", "sysmon_status"},
    Recorded{kSysmon, "5", "process_termination"},
    Recorded{kSysmon, "6", "driver_load"},
    Recorded{kSysmon, "7", "image_load"},
    Recorded{kSysmon, "8", "create_remote_thread"},
    Recorded{kSysmon, "9", "raw_access_thread"},
    Recorded{kSysmon, "10", "process_access"},
    Recorded{kSysmon, "11", "file_event"},
    Recorded{kSysmon, "12", "registry_event"},
    Recorded{kSysmon, "13", "registry_event"},
    Recorded{kSysmon, "13", "registry_set"},
    Recorded{kSysmon, "14", "registry_event"},
    Recorded{kSysmon, "14", "registry_rename"},
    Recorded{kSysmon, "15", "create_stream_hash"},
    Recorded{kSysmon, "16", "sysmon_status"},
    Recorded{kSysmon, "17", "pipe_created"},
    Recorded{kSysmon, "18", "pipe_created"},
    Recorded{kSysmon, "19", "wmi_event"},
    Recorded{kSysmon, "20", "wmi_event"},
    Recorded{kSysmon, "21", "wmi_event"},
    Recorded{kSysmon, "22", "dns_query"},
    Recorded{kSysmon, "23", "file_delete"},
    Recorded{kSysmon, "24", "clipboard_capture"},
    Recorded{kSysmon, "25", "process_tampering"},
    Recorded{kSysmon, "26", "file_delete"},
    Recorded{kSysmon, "27", "file_block_executable"},
    Recorded{kSysmon, "28", "file_block_shredding"},
    Recorded{kSysmon, "29", "file_executable_detected"},
    Recorded{kSysmon, "255", "sysmon_error"},
    Recorded{"Security", "4688", "process_creation"},
    Recorded{kPowerShell, "4103", "ps_module"},
    Recorded{kPowerShell, "4104", "ps_script"},
    Recorded{kPowerShellCore, "4103", "ps_module"},
    Recorded{kPowerShellCore, "4104", "ps_script"},
    Recorded{kPowerShellClassic, "400", "ps_classic_start"},
    Recorded{kPowerShellClassic, "600", "ps_classic_provider_start"},
    Recorded{kPowerShellClassic, "800", "ps_classic_script"},
};

LogSource source(std::string product, std::string category, std::string service) {
  LogSource out;
  out.product = std::move(product);
  out.category = std::move(category);
  out.service = std::move(service);
  return out;
}

}  // namespace

std::vector<LogSource> windows_sources(std::string_view channel, std::string_view provider,
                                       std::string_view event_id, std::string_view event_type) {
  std::vector<LogSource> out;
  if (equal_ignoring_case(channel, "RPCFW") || equal_ignoring_case(provider, "RPCFW")) {
    out.push_back(source("rpc_firewall", "application", {}));
    out.push_back(source("windows", {}, "application"));
    return out;
  }
  const bool linux_sysmon = provider.starts_with("Linux-Sysmon");
  const std::string product = linux_sysmon ? "linux" : "windows";
  if (linux_sysmon) channel = kSysmon;
  std::string service;
  for (const Channel& c : kChannels) {
    if (equal_ignoring_case(c.channel, channel)) service = c.service;
  }
  // Its events are traced, by whatever reads the provider, more often than they stand in a log.
  if (service.empty() && equal_ignoring_case(provider, "Microsoft-Windows-RPC")) service = "rpc";
  for (const Recorded& r : kRecorded) {
    if (r.event_id == event_id && equal_ignoring_case(r.channel, channel))
      out.push_back(source(product, std::string(r.category), service));
  }
  if (event_id == "12" && equal_ignoring_case(channel, kSysmon)) {
    const bool removed = to_lower(event_type).starts_with("delete");
    out.push_back(source(product, removed ? "registry_delete" : "registry_add", service));
  }
  if (out.empty()) out.push_back(source(product, {}, service));
  return out;
}

std::vector<LogSource> zeek_sources(std::string_view path) {
  std::vector<LogSource> out{source("zeek", {}, std::string(path))};
  if (path == "dns") out.push_back(source("zeek", "dns", std::string(path)));
  return out;
}

std::vector<LogSource> own_sources() {
  return {source("rpcmarshal", {}, {}), source("zeek", {}, "dce_rpc"),
          source("rpc_firewall", "application", {})};
}

bool parse_source(std::string_view text, LogSource& out) {
  out = {};
  if (text.find('=') == std::string_view::npos) {
    const std::size_t slash = text.find('/');
    out.product = text.substr(0, slash);
    if (slash != std::string_view::npos) out.category = text.substr(slash + 1);
    return !out.product.empty() && out.category.find('/') == std::string::npos;
  }
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view key = part.substr(0, equals);
    std::string* member = key == "product"    ? &out.product
                          : key == "category" ? &out.category
                          : key == "service"  ? &out.service
                                              : nullptr;
    if (member == nullptr) return false;
    *member = part.substr(equals + 1);
  }
  return !out.to_string().empty();
}

}  // namespace rpcmarshal::logs
