package kelpie.client;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import java.util.Map;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/** Why a connection to a coordinator does not open, where TLS is the reason. */
final class Handshakes {
  /** How long an endpoint has to show that it speaks TLS. */
  private static final int PROBE_MS = 2000;

  private Handshakes() {}

  /** The error of an encrypted connection that broke before its first frame; null if TLS is not the reason. */
  static KelpieException errorOf(String endpoint, Throwable thrown, boolean hasCertificate) {
    if (find(thrown, SSLPeerUnverifiedException.class) != null) return wrongHost(endpoint, thrown);
    if (find(thrown, CertificateExpiredException.class) != null) return outOfDate(endpoint, "has expired", thrown);
    if (find(thrown, CertificateNotYetValidException.class) != null)
      return outOfDate(endpoint, "is not valid yet", thrown);
    if (find(thrown, CertificateException.class) != null || find(thrown, CertPathValidatorException.class) != null)
      return untrusted(endpoint, thrown);
    SSLException broken = find(thrown, SSLException.class);
    if (broken != null) return ofAlert(endpoint, Errors.messageOf(broken), thrown, hasCertificate);
    return null;
  }

  private static KelpieException ofAlert(String endpoint, String text, Throwable thrown, boolean hasCertificate) {
    if (text.contains("PKIX path")) return untrusted(endpoint, thrown);
    if (text.contains("Unsupported or unrecognized SSL message"))
      return error(
          Reason.TLS_UNSUPPORTED,
          endpoint
              + " does not speak TLS; start kelpied with --tls-cert and --tls-key, or "
              + (Endpoints.isLoopback(Endpoints.hostOf(endpoint))
                  ? "leave the CA and the certificates out: on this machine plain text will do"
                  : "ask for plain text by name (insecure) on a network that you trust"),
          thrown);
    if (text.contains("certificate_required") || (!hasCertificate && text.contains("bad_certificate")))
      return error(
          Reason.CLIENT_CERTIFICATE_REQUIRED,
          endpoint + " demands a client certificate; give one as cert, or as KELPIE_CERT and KELPIE_KEY",
          thrown);
    if (hasCertificate && text.contains("fatal alert"))
      return error(
          Reason.CLIENT_CERTIFICATE_REFUSED,
          endpoint
              + " closed the connection when it saw the certificate of this client; it must be a valid one of the CA"
              + " that kelpied has as --tls-client-ca",
          thrown);
    return error(Reason.TLS_FAILED, "the handshake with " + endpoint + " failed: " + text, thrown);
  }

  private static KelpieException untrusted(String endpoint, Throwable thrown) {
    String message =
        "no CA that this client trusts has signed the certificate of "
            + endpoint
            + "; give the CA of this coordinator as ca, or as KELPIE_CA";
    return error(Reason.CERTIFICATE_UNTRUSTED, message, thrown);
  }

  private static KelpieException wrongHost(String endpoint, Throwable thrown) {
    String host = Endpoints.hostOf(endpoint);
    String message =
        "the certificate of "
            + endpoint
            + " is not for "
            + host
            + "; connect to a name that it has, or make a certificate for this one on its machine: kelpied certs"
            + " --force "
            + host;
    return error(Reason.CERTIFICATE_WRONG_HOST, message, thrown);
  }

  private static KelpieException outOfDate(String endpoint, String how, Throwable thrown) {
    String message =
        "the certificate of "
            + endpoint
            + ' '
            + how
            + " by the clock of this machine; renew it (kelpied certs --force), or set the clock";
    return error(Reason.CERTIFICATE_EXPIRED, message, thrown);
  }

  private static KelpieException error(Reason reason, String message, Throwable cause) {
    return new KelpieException(reason, message, Map.of(), false, null, cause);
  }

  private static <T extends Throwable> T find(Throwable thrown, Class<T> type) {
    int depth = 0;
    for (Throwable one = thrown; one != null && depth < 20; one = one.getCause(), depth++)
      if (type.isInstance(one)) return type.cast(one);
    return null;
  }

  /** For a client that sent plain text. Null if the endpoint does not speak TLS. Waits up to 4 s. */
  static KelpieException tlsRequired(String endpoint) {
    try (Socket plain = new Socket()) {
      plain.connect(new InetSocketAddress(Endpoints.hostOf(endpoint), Endpoints.portOf(endpoint)), PROBE_MS);
      plain.setSoTimeout(PROBE_MS);
      SSLContext context = SSLContext.getInstance("TLS");
      // The probe sends nothing to the other side, so any certificate will do.
      context.init(null, new TrustManager[] {new TrustsAll()}, null);
      try (SSLSocket secure =
          (SSLSocket) context.getSocketFactory().createSocket(plain, Endpoints.hostOf(endpoint), 0, true)) {
        secure.startHandshake();
      }
    } catch (IOException | GeneralSecurityException noTls) {
      return null;
    }
    String message =
        endpoint
            + " speaks TLS, and this client sent plain text; give the CA of this coordinator as ca, or as KELPIE_CA";
    return new KelpieException(Reason.TLS_REQUIRED, message);
  }

  private static final class TrustsAll implements X509TrustManager {
    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type) {}

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }
}
