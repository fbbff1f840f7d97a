package kelpie.client;

import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.TlsChannelCredentials;
import io.grpc.okhttp.OkHttpChannelBuilder;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.util.Map;
import java.util.regex.Pattern;

/** Whether a connection is encrypted, and with which certificates. */
final class Protection {
  private static final Pattern CERTIFICATE = Pattern.compile("-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----");
  private static final Pattern KEY = Pattern.compile("-----BEGIN PRIVATE KEY-----");

  private final String ca;
  private final String cert;
  private final String key;
  private final boolean tls;
  private final boolean insecure;

  /** Throws VALUE_INVALID for options that contradict each other, and FILE_INVALID. */
  Protection(ConnectOptions options) {
    insecure = options.insecure;
    tls = options.tls;
    boolean given = tls || options.ca != null || options.cert != null || options.key != null;
    if (insecure && given)
      throw Errors.invalid("insecure means plain text; leave it out, or leave ca, cert, key and tls out", "insecure");
    ca = Environment.or(options.ca, "KELPIE_CA");
    cert = Environment.or(options.cert, "KELPIE_CERT");
    key = Environment.or(options.key, "KELPIE_KEY");
    if ((cert == null) != (key == null)) {
      String has = cert == null ? "key" : "cert";
      String lacks = cert == null ? "cert" : "key";
      throw Errors.invalid(has + " needs " + lacks + ": a client certificate is both", has);
    }
    // A mistake in a file is an error now, and not a connection that never opens.
    if (!insecure) encrypted();
  }

  /** Whether connections to the endpoint are encrypted. */
  boolean encrypts(String endpoint) {
    if (insecure) return false;
    return tls || ca != null || cert != null || !Endpoints.isLoopback(Endpoints.hostOf(endpoint));
  }

  /** Whether the client has a certificate of its own. */
  boolean hasCertificate() {
    return cert != null;
  }

  /** The credentials of a connection, with the certificates as they are now. Throws FILE_INVALID. */
  ChannelCredentials credentialsFor(String endpoint) {
    return encrypts(endpoint) ? encrypted() : InsecureChannelCredentials.create();
  }

  private ChannelCredentials encrypted() {
    TlsChannelCredentials.Builder credentials = TlsChannelCredentials.newBuilder();
    try {
      if (ca != null) credentials.trustManager(stream(certificatesIn(ca)));
      if (cert != null) credentials.keyManager(stream(certificatesIn(cert)), stream(keyIn(key)));
      ChannelCredentials made = credentials.build();
      // gRPC decodes the certificates only here.
      OkHttpChannelBuilder.forTarget("127.0.0.1:1", made);
      return made;
    } catch (IOException | IllegalArgumentException cause) {
      throw unusable("the certificates cannot be used", cause);
    }
  }

  private static ByteArrayInputStream stream(String pem) {
    return new ByteArrayInputStream(pem.getBytes(StandardCharsets.UTF_8));
  }

  private static String certificatesIn(String pemOrPath) {
    String content = contentOf(pemOrPath);
    if (!CERTIFICATE.matcher(content).find())
      throw unusable(
          nameOf(pemOrPath) + " has no certificate; give a file in PEM, with -----BEGIN CERTIFICATE-----", null);
    try {
      CertificateFactory.getInstance("X.509").generateCertificates(stream(content));
      return content;
    } catch (CertificateException cause) {
      throw unusable(nameOf(pemOrPath) + " cannot be used", cause);
    }
  }

  private static String keyIn(String pemOrPath) {
    String content = contentOf(pemOrPath);
    if (KEY.matcher(content).find()) return content;
    String message =
        nameOf(pemOrPath)
            + " has no key that Java reads; it must have -----BEGIN PRIVATE KEY-----, as openssl pkcs8 -topk8 -nocrypt"
            + " makes it";
    throw unusable(message, null);
  }

  private static String contentOf(String pemOrPath) {
    if (isPem(pemOrPath)) return pemOrPath;
    try {
      return Files.readString(Path.of(pemOrPath));
    } catch (IOException | RuntimeException cause) {
      throw unusable(pemOrPath + " cannot be read", cause);
    }
  }

  private static boolean isPem(String pemOrPath) {
    return pemOrPath.contains("-----BEGIN ");
  }

  /** For messages, which never show the text of a key. */
  private static String nameOf(String pemOrPath) {
    return isPem(pemOrPath) ? "a given text" : pemOrPath;
  }

  private static KelpieException unusable(String message, Throwable cause) {
    String why = cause == null ? "" : ": " + Errors.messageOf(cause);
    return new KelpieException(Reason.FILE_INVALID, message + why, Map.of(), false, null, cause);
  }
}
