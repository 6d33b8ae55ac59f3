import java.io.ByteArrayInputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Exercises both of Java's own HTTP clients against the server whose URL is given; prints one line per thing that works.
 * HttpClient asks for HTTP/2 with its first request unless told not to, and spells "100-Continue" in a way of its own.
 */
public class Client {
    private static String server;

    public static void main(String[] arguments) throws Exception {
        server = arguments[0];
        for (HttpClient.Version version : List.of(HttpClient.Version.HTTP_2, HttpClient.Version.HTTP_1_1)) speak(version);
        speakOld();
        System.out.println("all of the Java clients");
        System.exit(0);
    }

    private static void speak(HttpClient.Version version) throws Exception {
        HttpClient client =
            HttpClient.newBuilder().version(version).followRedirects(HttpClient.Redirect.ALWAYS).build();
        String key = "/v2/keys/java/" + version;
        String name = version + ": ";
        answers(name + "set", client, form(key).PUT(text("value=one")), 201, "\"action\":\"set\"");
        answers(name + "get", client, request(key), 200, "\"value\":\"one\"");
        answers(name + "HEAD", client, request(key).method("HEAD", BodyPublishers.noBody()), 200, "");
        answers(name + "the same connection afterwards", client, request(key), 200, "\"value\":\"one\"");
        answers(name + "a form in chunks", client, form(key).PUT(chunks("value=two&ttl=100")), 200, "\"ttl\":100");
        answers(name + "expectContinue", client, form(key).expectContinue(true).PUT(text("value=three")), 200, "\"three\"");
        String large = "x".repeat(300_000);
        answers(name + "the same, large", client, form(key).expectContinue(true).PUT(text("value=" + large)), 200, large);
        answers(name + "refused", client, form(key + "?prevExist=false").PUT(text("value=x")), 412, "\"errorCode\":105");
        answers(name + "no body", client, request(key).PUT(BodyPublishers.noBody()), 200, "\"value\":\"\"");
        answers(name + "redirect of GET", client, request("/v2//keys/java/" + version), 200, "\"action\":\"get\"");
        answers(name + "in order", client, form(key + "-queue").POST(text("value=%C3%A9")), 201, "\"value\":\"\u00e9\"");
        answers(name + "unknown method", client, request(key).method("PATCH", text("x=1")), 405, "Method Not Allowed");
        CompletableFuture<HttpResponse<String>> watch =
            client.sendAsync(request(key + "?wait=true").build(), BodyHandlers.ofString());
        while (!body(client, request("/v2/stats/store")).contains("\"watchers\":1}")) Thread.sleep(10);
        answers(name + "delete with a body", client, form(key).method("DELETE", text("dir=true")), 200, "\"delete\"");
        works(name + "watch", watch.get().body().contains("\"action\":\"delete\""));
    }

    /** HttpURLConnection, by which older libraries speak. */
    private static void speakOld() throws Exception {
        works("HttpURLConnection: set", old("PUT", "/v2/keys/java/old", "value=one").contains("\"action\":\"set\""));
        works("HttpURLConnection: get", old("GET", "/v2/keys/java/old", null).contains("\"value\":\"one\""));
        works("HttpURLConnection: not found", old("GET", "/v2/keys/java/none", null).contains("\"errorCode\":100"));
        works("HttpURLConnection: delete", old("DELETE", "/v2/keys/java/old", null).contains("\"action\":\"delete\""));
    }

    private static String old(String method, String path, String form) throws Exception {
        HttpURLConnection connection = (HttpURLConnection) URI.create(server + path).toURL().openConnection();
        connection.setRequestMethod(method);
        connection.setReadTimeout(20_000);
        if (form != null) {
            connection.setDoOutput(true);
            connection.setRequestProperty("Content-Type", "application/x-www-form-urlencoded");
            connection.setChunkedStreamingMode(4);
            connection.getOutputStream().write(form.getBytes());
        }
        boolean isRefused = connection.getResponseCode() >= 400;
        return new String((isRefused ? connection.getErrorStream() : connection.getInputStream()).readAllBytes());
    }

    private static HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(server + path)).timeout(Duration.ofSeconds(20));
    }

    private static HttpRequest.Builder form(String path) {
        return request(path).header("Content-Type", "application/x-www-form-urlencoded");
    }

    private static HttpRequest.BodyPublisher text(String text) {
        return BodyPublishers.ofString(text);
    }

    private static HttpRequest.BodyPublisher chunks(String text) {
        return BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(text.getBytes()));
    }

    private static String body(HttpClient client, HttpRequest.Builder request) throws Exception {
        return client.send(request.build(), BodyHandlers.ofString()).body();
    }

    private static void answers(String name, HttpClient client, HttpRequest.Builder request, int status, String part)
            throws Exception {
        HttpResponse<String> answer = client.send(request.build(), BodyHandlers.ofString());
        works(name, answer.statusCode() == status && answer.body().contains(part));
    }

    private static void works(String name, boolean claim) {
        if (!claim) throw new AssertionError(name);
        System.out.println("ok " + name);
    }
}
