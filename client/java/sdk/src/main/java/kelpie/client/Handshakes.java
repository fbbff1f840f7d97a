package kelpie.client;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.Socket;
import java.net.UnknownHostException;
import java.security.GeneralSecurityException;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import java.util.Map;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedKeyManager;
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
    boolean certificate = text.contains("certificate_required") || text.contains("bad_certificate");
    if (certificate && !hasCertificate) return required(endpoint, thrown);
    if (text.contains("fatal alert") && hasCertificate) return refused(endpoint, thrown);
    // The other side may have closed the connection without a reason: see probe.
    return null;
  }

  /** The error of a connection that broke, where nothing else explains it. */
  static KelpieException otherwise(String endpoint, KelpieException error) {
    SSLException broken = find(error.getCause(), SSLException.class);
    if (broken == null) return error;
    String message = "the handshake with " + endpoint + " failed: " + Errors.messageOf(broken);
    return error(Reason.TLS_FAILED, message, error.getCause());
  }

  private static KelpieException required(String endpoint, Throwable thrown) {
    String message =
        endpoint + " demands a client certificate; give one as cert, or as KELPIE_CERT and KELPIE_KEY";
    return error(Reason.CLIENT_CERTIFICATE_REQUIRED, message, thrown);
  }

  private static KelpieException refused(String endpoint, Throwable thrown) {
    String message =
        endpoint
            + " closed the connection when it saw the certificate of this client; it must be a valid one of the CA that"
            + " kelpied has as --tls-client-ca";
    return error(Reason.CLIENT_CERTIFICATE_REFUSED, message, thrown);
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

  /** Whether no connection was there that TLS could have broken. */
  static boolean neverConnected(Throwable thrown) {
    return find(thrown, ConnectException.class) != null
        || find(thrown, NoRouteToHostException.class) != null
        || find(thrown, UnknownHostException.class) != null;
  }

  private static <T extends Throwable> T find(Throwable thrown, Class<T> type) {
    int depth = 0;
    for (Throwable one = thrown; one != null && depth < 20; one = one.getCause(), depth++)
      if (type.isInstance(one)) return type.cast(one);
    return null;
  }

  /**
   * Looks at the endpoint with a handshake of its own, for a connection that broke without a reason. Null if TLS is not
   * the reason. Waits up to 4 s.
   */
  static KelpieException probe(String endpoint, boolean encrypted, boolean hasCertificate) {
    AsksForKey keys = new AsksForKey();
    boolean speaksTls = shakesHands(endpoint, keys);
    if (encrypted && keys.asked) return hasCertificate ? refused(endpoint, null) : required(endpoint, null);
    if (encrypted || !speaksTls) return null;
    String message =
        endpoint
            + " speaks TLS, and this client sent plain text; give the CA of this coordinator as ca, or as KELPIE_CA";
    return new KelpieException(Reason.TLS_REQUIRED, message);
  }

  private static boolean shakesHands(String endpoint, AsksForKey keys) {
    String host = Endpoints.hostOf(endpoint);
    try (Socket plain = new Socket()) {
      plain.connect(new InetSocketAddress(host, Endpoints.portOf(endpoint)), PROBE_MS);
      plain.setSoTimeout(PROBE_MS);
      SSLContext context = SSLContext.getInstance("TLSv1.2");
      // The probe sends nothing to the other side, so any certificate will do.
      context.init(new KeyManager[] {keys}, new TrustManager[] {new TrustsAll()}, null);
      try (SSLSocket secure = (SSLSocket) context.getSocketFactory().createSocket(plain, host, 0, true)) {
        secure.startHandshake();
        return true;
      }
    } catch (IOException | GeneralSecurityException broken) {
      return keys.asked;
    }
  }

  /** Notices whether the other side asks for a certificate, and has none. */
  private static final class AsksForKey extends X509ExtendedKeyManager {
    private volatile boolean asked;

    @Override
    public String chooseClientAlias(String[] types, Principal[] issuers, Socket socket) {
      asked = true;
      return null;
    }

    @Override
    public String[] getClientAliases(String type, Principal[] issuers) {
      return null;
    }

    @Override
    public String[] getServerAliases(String type, Principal[] issuers) {
      return null;
    }

    @Override
    public String chooseServerAlias(String type, Principal[] issuers, Socket socket) {
      return null;
    }

    @Override
    public X509Certificate[] getCertificateChain(String alias) {
      return null;
    }

    @Override
    public PrivateKey getPrivateKey(String alias) {
      return null;
    }
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
